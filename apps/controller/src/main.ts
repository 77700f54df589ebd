import process from 'node:process';

/** Nothing that needs node:sqlite is imported before this: an old Node would fail with a message that helps nobody. */
function checkNode(): void {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 16)) return;
  process.stderr.write(
    `cordon needs Node 22.16 or newer (24 LTS is best), this is ${process.versions.node}: ` +
      'start it with `npm start`, which brings its own Node, or install a newer one\n',
  );
  process.exit(1);
}

async function main(): Promise<void> {
  const [{ ConfigError, loadConfig }, { Log }, { startController }] = await Promise.all([
    import('./config.js'),
    import('./log.js'),
    import('./start.js'),
  ]);
  const log = new Log();
  try {
    const config = loadConfig(process.env);
    const { app, url, firstAdminToken } = await startController(config, log);
    if (firstAdminToken !== null && config.adminToken === null)
      process.stdout.write(`admin token: ${firstAdminToken}\n`);
    process.stdout.write(`cordon controller ready ${url}\n`);
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.once(signal, () => {
        // A git process or a device that hangs must not hold the controller: what matters is on disk already.
        setTimeout(() => process.exit(0), 1500).unref();
        app.close().then(
          () => process.exit(0),
          () => process.exit(1),
        );
      });
    }
  } catch (error) {
    const text = error instanceof ConfigError ? error.message : error instanceof Error ? error.stack : String(error);
    process.stderr.write(`cordon controller can't start: ${text}\n`);
    process.exit(1);
  }
}

checkNode();
await main();
