"""Plays systemd's part in socket activation: opens sockets, keeps them, and starts a program with them again and again.

Arguments: seconds until it is started again, FDNAMES (a:b:…), the program and its arguments. Names that begin alike share a port.
Prints the ports; "end PID" on the standard input ends the program with SIGKILL, end of input ends everything.
"""
import fcntl, os, select, signal, socket, sys, time

pause, names, program = float(sys.argv[1]), sys.argv[2].split(':'), sys.argv[3:]
ports, kept = {}, []
for name in names:
    service = name.split('-')[0]
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind(('127.0.0.1', ports.get(service, 0)))
    ports[service] = one.getsockname()[1]
    kept.append(fcntl.fcntl(one.fileno(), fcntl.F_DUPFD, 20))
print('ports', ports['authentication'], ports['accounting'], flush=True)

def start():
    pid = os.fork()
    if pid:
        return pid
    for at, descriptor in enumerate(kept):
        os.dup2(descriptor, 3 + at, inheritable=True)
    os.closerange(20, 20 + 64)
    env = dict(os.environ, LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(kept)), LISTEN_FDNAMES=':'.join(names))
    os.execve(program[0], program, env)

pid = start()
print('started', pid, flush=True)
while True:
    readable, _, _ = select.select([sys.stdin], [], [], 0.05)
    if readable and not os.read(0, 4096):
        os.kill(pid, signal.SIGKILL)
        sys.exit(0)
    if os.waitpid(pid, os.WNOHANG)[0]:
        print('ended', pid, flush=True)
        time.sleep(pause)
        pid = start()
        print('started', pid, flush=True)
