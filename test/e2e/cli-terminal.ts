/** What sshd starts for whoever logs in to the test switch: hands this terminal to the switch behind a socket. */
import net from 'node:net';

const socket = net.connect(process.argv[2] ?? '');
process.stdin.pipe(socket);
socket.pipe(process.stdout);
socket.on('close', () => process.exit());
socket.on('error', () => process.exit(1));
