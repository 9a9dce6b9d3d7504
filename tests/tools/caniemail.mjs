// Prints as JSON what the given HTML files use that mail clients lack or have in part only:
// ["@media: no outlook.windows", "margin: partly yahoo.ios", ...].
// Arguments: the clients as globs with commas between, then the files.
import { readFile } from "node:fs/promises";
import { caniemail } from "caniemail";

const LEVELS = { errors: "no", warnings: "partly" };
const [clients, ...files] = process.argv.slice(2);
const found = new Set();
for (const file of files) {
  const { issues } = caniemail({ clients: clients.split(","), html: await readFile(file, "utf8") });
  for (const [level, word] of Object.entries(LEVELS)) {
    for (const [client, each] of issues[level]) {
      for (const { title } of each) found.add(`${title}: ${word} ${client}`);
    }
  }
}
process.stdout.write(`${JSON.stringify([...found].sort(), null, 1)}\n`);
