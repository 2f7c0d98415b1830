import { luhnDigit } from '../shared/ids/ids.ts';
import { type ApiClient, made } from './api-client.ts';

/** Made-up customers, the same in every run. */
const givenNames = [
  'Алексей',
  'Мария',
  'Дмитрий',
  'Екатерина',
  'Сергей',
  'Ольга',
  'Андрей',
  'Наталья',
];
const familyNames = ['Иваненко', 'Ткаченко', 'Гончаренко', 'Савченко', 'Коваленко', 'Бондаренко'];
const ratePlans = ['BASIC', 'SMART', 'UNLIMITED', 'SENIOR'];
const registrationsAtOnce = 16;

/** An ICCID of the demo operator: 89 7 02, the branch, a serial number, Luhn's digit. */
export function demoIccid(branchIndex: number, serial: number): string {
  const digits = `8970299${String(branchIndex).padStart(2, '0')}${String(serial).padStart(9, '0')}`;
  return digits + luhnDigit(digits);
}

function demoImsi(branchIndex: number, serial: number): string {
  return `25002${String(branchIndex).padStart(2, '0')}${String(serial).padStart(8, '0')}`;
}

export interface SeedPlan {
  readonly branchIndex: number;
  /** The first number of the branch's pool. */
  readonly firstNumber: number;
  readonly firstSerial: number;
  readonly subscribers: number;
  /** Cards and numbers that stay free. */
  readonly spare: number;
}

const deliverySize = 1_000;

/** Stocks a branch with cards and numbers and registers subscribers, through its API like anybody. */
export async function seedBranch(client: ApiClient, plan: SeedPlan): Promise<string[]> {
  const { branchIndex, firstNumber, firstSerial } = plan;
  const count = plan.subscribers + plan.spare;
  for (let start = 0; start < count; start += deliverySize) {
    const size = Math.min(deliverySize, count - start);
    const cards = Array.from({ length: size }, (_, index) => {
      const serial = firstSerial + start + index;
      return { iccid: demoIccid(branchIndex, serial), imsi: demoImsi(branchIndex, serial) };
    });
    made(await client.post('/api/v1/sim-cards', { cards }), 'receiving SIM cards');
    const numbers = cards.map((_, index) => String(firstNumber + start + index));
    made(await client.post('/api/v1/numbers', { numbers }), 'receiving numbers');
  }
  const registered: string[] = [];
  for (let start = 0; start < plan.subscribers; start += registrationsAtOnce) {
    const size = Math.min(registrationsAtOnce, plan.subscribers - start);
    const batch = Array.from({ length: size }, (_, index) => register(client, plan, start + index));
    registered.push(...(await Promise.all(batch)));
  }
  return registered;
}

async function register(client: ApiClient, plan: SeedPlan, index: number): Promise<string> {
  const msisdn = String(plan.firstNumber + index);
  const serial = plan.firstSerial + index;
  const given = givenNames[serial % givenNames.length];
  const family = familyNames[Math.floor(serial / givenNames.length) % familyNames.length];
  const answer = await client.post('/api/v1/subscribers', {
    msisdn,
    iccid: demoIccid(plan.branchIndex, serial),
    ratePlan: ratePlans[serial % ratePlans.length],
    customer: {
      name: `${family} ${given}`,
      document: {
        type: 'passport-rf',
        number: `45${String(plan.branchIndex).padStart(2, '0')} ${String(serial).padStart(6, '0')}`,
      },
      address: `ул. Полевая, д. ${(serial % 90) + 1}`,
      contact: `customer${serial}@example.com`,
    },
  });
  made(answer, `registering ${msisdn}`);
  return msisdn;
}
