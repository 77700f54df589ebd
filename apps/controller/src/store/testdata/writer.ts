import { Database } from '../database.js';
import { counters } from '../rows.js';

/** Counts in the database and says each number only once it is stored, until it is killed. */
const database = await Database.open(process.argv[2]!);
await database.transaction((tx) => tx.save(counters, { name: 'acknowledged', value: 0 }));
for (let value = 1; value < 100_000; value++) {
  await database.transaction((tx) => tx.update(counters, { name: 'acknowledged' }, { value }));
  process.stdout.write(`${value}\n`);
}
