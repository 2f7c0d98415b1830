import { readFileSync } from 'node:fs';

/**
 * Loaded before a node's own program: its time of day is the machine's, shifted by what the file says now. What is
 * measured, as timers and time-outs, goes on as it is.
 */

const pollMs = 200;
const file = process.env.CLOCK_OFFSET_FILE ?? '';
let offsetMs = read();
setInterval(() => {
  offsetMs = read();
}, pollMs).unref();

function read(): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return offsetMs ?? 0;
  }
}

const MachineDate = Date;
const now = () => MachineDate.now() + offsetMs;

globalThis.Date = new Proxy(MachineDate, {
  construct: (target, args, made) => Reflect.construct(target, args.length ? args : [now()], made),
  apply: () => new MachineDate(now()).toString(),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});
