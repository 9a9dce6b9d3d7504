// nodemailer with its pool. Mode "raw" sends the ready message, "compose" makes it from the page
// and the text for each reader, as it is mostly used.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import nodemailer from 'nodemailer';

const text = { type: 'string' };
const { values: asked } = parseArgs({
  options: {
    port: text, connections: text, messages: text, folder: text,
    mode: { ...text, default: 'raw' }, tls: { type: 'boolean', default: false },
  },
});
const messages = Number(asked.messages);
const connections = Number(asked.connections);
const raw = readFileSync(join(asked.folder, 'message.eml'));
const page = readFileSync(join(asked.folder, 'page.html'), 'utf8');
const words = readFileSync(join(asked.folder, 'page.txt'), 'utf8');
const sender = 'post@mail.example.org';

// NODE_EXTRA_CA_CERTS names the sink's certificate.
const mailer = nodemailer.createTransport({
  host: '127.0.0.1', port: Number(asked.port), name: 'bench.example.org', pool: true,
  maxConnections: connections, maxMessages: Infinity,
  ignoreTLS: !asked.tls, requireTLS: asked.tls,
});

function mailTo(address) {
  if (asked.mode === 'raw') return { envelope: { from: sender, to: [address] }, raw };
  return {
    from: `The Harbour Post <${sender}>`, to: address,
    subject: 'The Harbour Post: the ferry runs again', html: page, text: words,
  };
}

let turn = 0;
let sent = 0;
// Two callers for each connection keep its queue from running dry.
async function call() {
  while (turn < messages) {
    const reader = turn++;
    await mailer.sendMail(mailTo(`reader${reader}@reader.example`));
    sent++;
  }
}

const begun = performance.now();
const used = process.cpuUsage();
await Promise.all(Array.from({ length: 2 * connections }, call));
const { user, system } = process.cpuUsage(used);
console.log(JSON.stringify({
  sent, seconds: (performance.now() - begun) / 1e3, cpu_seconds: (user + system) / 1e6,
}));
mailer.close();
