import type { Reader, Transaction } from '../../shared/store/store.ts';
import { type Customer, type CustomerData, incompleteName, nameKey } from './customer.ts';

interface CustomerRow {
  id: string;
  number: bigint;
  name: string;
  documentType: string | null;
  documentNumber: string | null;
  birthDate: string | null;
  address: string | null;
  contact: string | null;
  incomplete: bigint;
}

const columns = `id, number, name, document_type AS documentType,
  document_number AS documentNumber, birth_date AS birthDate, address, contact, incomplete`;

export async function findCustomer(tx: Reader, id: string): Promise<Customer | undefined> {
  const row = await tx.get<CustomerRow>(`SELECT ${columns} FROM customers WHERE id = ?`, id);
  return row && customerOf(row);
}

export async function findCustomerByNumber(
  tx: Reader,
  number: bigint,
): Promise<Customer | undefined> {
  const sql = `SELECT ${columns} FROM customers WHERE number = ?`;
  const row = await tx.get<CustomerRow>(sql, number);
  return row && customerOf(row);
}

export async function customerByOrigin(tx: Reader, origin: string): Promise<string | undefined> {
  const sql = 'SELECT id FROM customers WHERE origin = ?';
  return (await tx.get<{ id: string }>(sql, origin))?.id;
}

export async function insertCustomer(
  tx: Transaction,
  customer: { id: string; data?: CustomerData; origin?: string | undefined; at: string },
): Promise<void> {
  const { id, data, origin, at } = customer;
  await tx.run(
    `INSERT INTO customers (id, name, name_key, document_type, document_number, birth_date,
       address, contact, incomplete, origin, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    id,
    ...dataColumns(data),
    ...[data ? 0 : 1, origin ?? null, at],
  );
}

/** Writes the data anew, which also makes an incomplete customer complete. */
export async function updateCustomer(
  tx: Transaction,
  id: string,
  data: CustomerData,
): Promise<void> {
  await tx.run(
    `UPDATE customers SET name = ?, name_key = ?, document_type = ?, document_number = ?,
       birth_date = ?, address = ?, contact = ?, incomplete = 0 WHERE id = ?`,
    ...dataColumns(data),
    id,
  );
}

function dataColumns(data: CustomerData | undefined) {
  const name = data?.name ?? incompleteName;
  const { document, birthDate = null, address = null, contact = null } = data ?? {};
  const { type = null, number = null } = document ?? {};
  return [name, nameKey(name), type, number, birthDate, address, contact];
}

function customerOf(row: CustomerRow): Customer {
  const { id, number } = row;
  if (row.incomplete === 1n) return { id, number };
  const data = {
    name: row.name,
    document: { type: row.documentType ?? '', number: row.documentNumber ?? '' },
    ...(row.birthDate === null ? {} : { birthDate: row.birthDate }),
    ...(row.address === null ? {} : { address: row.address }),
    ...(row.contact === null ? {} : { contact: row.contact }),
  };
  return { id, number, data };
}
