// An alert from a Node service with nothing installed: a form with a boundary, which FormData makes by itself.
const [base, username, password, to, text] = process.argv.slice(2);

const form = new FormData();
for (const [name, value] of Object.entries({ username, password, to, text })) form.append(name, value);
const answer = await fetch(`${base}/api.php`, { method: 'POST', body: form, signal: AbortSignal.timeout(5000) });
process.stdout.write(`${await answer.text()}\n${answer.status}\n`);
process.exitCode = answer.status === 200 ? 0 : 1;
