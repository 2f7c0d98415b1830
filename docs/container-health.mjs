// The image's health check: does the node in this container take work? Exit code 0 for yes.
import { request as overHttp } from 'node:http';
import { request as overTls } from 'node:https';

const answerMaxMs = 4_000;
const request = process.env.FRONT_TLS_CERT_FILE ? overTls : overHttp;

request(
  {
    host: '127.0.0.1',
    port: process.env.FRONT_PORT,
    path: '/readyz',
    timeout: answerMaxMs,
    // It asks its own container, by an address that no certificate names.
    rejectUnauthorized: false,
  },
  (answer) => {
    process.exitCode = answer.statusCode === 200 ? 0 : 1;
    answer.resume();
  },
)
  .on('timeout', () => process.exit(1))
  .on('error', () => process.exit(1))
  .end();
