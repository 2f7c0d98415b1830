import { nameKey } from '../../branch-node/subscribers/customer.ts';
import type { Store } from '../../shared/store/store.ts';

/** A branch with as many subscribers as wanted, made by the store itself: no million of requests. */

export const surnames = ['Иванов', 'Смирнов', 'Кузнецов', 'Попов', 'Васильев', 'Петров', 'Соколов'];
const endings = ['', 'а', 'ский', 'енко', 'ич', 'ян', 'ин', 'их', 'ых', 'ец', 'ук', 'ова', 'оль'];
const firsts = ['Иван', 'Анна', 'Пётр', 'Мария', 'Олег', 'Юлия', 'Сергей', 'Ольга', 'Денис'];
const middles = ['Иванович', 'Петровна', 'Олегович', 'Сергеевна', 'Ильич', 'Юрьевна', 'Львович'];

const firstNumber = 79_250_000_000;
const firstCustomer = 1_000;
const digits = 11;

export const numberAt = (index: number) => String(firstNumber + index);
export const customerAt = (index: number) => firstCustomer + index;
export const iccidAt = (index: number) => `8970299${String(index).padStart(12, '0')}`;

const listed = (name: string, texts: readonly string[]) =>
  `${name}(place, text) AS (VALUES ${texts.map((text, place) => `(${place}, '${text}')`).join(', ')})`;
const backwards = (column: string) =>
  Array.from({ length: digits }, (_, place) => `substr(${column}, ${digits - place}, 1)`).join(
    ' || ',
  );

export const documentAt = (index: number) => `4500 ${String(index).padStart(6, '0')}`;

export async function fillBranch(store: Store, subscribers: number): Promise<void> {
  const names = surnames.flatMap((surname) => endings.map((ending) => surname + ending));
  const people = names.flatMap((surname) =>
    firsts.flatMap((first) => middles.map((middle) => `${surname} ${first} ${middle}`)),
  );
  const at = '2026-03-01T09:00:00.000Z';
  await store.write(async (tx) => {
    await tx.run(
      `WITH RECURSIVE ${listed('people', people)},
         ${listed('keys', people.map(nameKey))},
         n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${subscribers})
       INSERT INTO customers (number, id, name, name_key, document_type, document_number, address,
         created_at)
       SELECT ${firstCustomer} + i, 'bench-' || i, people.text, keys.text, 'passport-rf',
         printf('45%02d %06d', i / 1000000, i), 'Москва', '${at}'
       FROM n JOIN people ON people.place = i * 7919 % ${people.length}
         JOIN keys ON keys.place = people.place`,
    );
    await tx.run(
      `INSERT INTO billing_accounts (id, customer, currency, created_at)
       SELECT id, id, 'RUB', '${at}' FROM customers WHERE id LIKE 'bench-%'`,
    );
    await tx.run(
      `INSERT INTO subscribers (msisdn, msisdn_reversed, customer, billing_account, iccid, imsi,
         rate_plan, services, status, activated_at)
       SELECT msisdn, ${backwards('msisdn')}, id, id, printf('8970299%012d', i),
         printf('25002%010d', i), 'BASIC', '', 'active', '${at}'
       FROM (SELECT id, number - ${firstCustomer} AS i,
           CAST(${firstNumber} + number - ${firstCustomer} AS TEXT) AS msisdn
         FROM customers WHERE id LIKE 'bench-%' ORDER BY number)`,
    );
  });
}
