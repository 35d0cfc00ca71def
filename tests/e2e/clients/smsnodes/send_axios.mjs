// Hands a text to a telephone's queue; axios throws on anything but 2xx.
import axios from 'axios';

const [base, deviceUsername, password, to, message] = process.argv.slice(2);

try {
  const { data, status } = await axios.post('/api/send-sms', { deviceUsername, password, phoneNumbers: to.split(','), message }, { baseURL: base });
  process.stdout.write(`${JSON.stringify(data)}\n${status}\n`);
} catch (error) {
  process.stdout.write(`${JSON.stringify(error.response?.data)}\n${error.response?.status}\n`);
  process.exitCode = 1;
}
