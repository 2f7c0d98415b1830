import { z } from 'zod';
import type { Signer, Verifier } from '../../shared/federation/peers.ts';
import { headOffice, maskDigits, type NodeCode } from '../../shared/ids/ids.ts';
import { formatMoney } from '../../shared/money/money.ts';
import { DomainError, isDomainError } from '../../shared/problem/problem.ts';
import { type Clock, now } from '../../shared/time/clock.ts';
import type { PaymentFile } from './payment-service.ts';
import { type ReceiptStatement, receiptStatement, receiptType } from './receipt.ts';

export const maxReceiptCodeLength = 4_096;

const signedBy = z.object({ node: receiptStatement.shape.node });

export interface SignedReceipt {
  readonly statement: ReceiptStatement;
  /** Compact JWS over the statement. */
  readonly code: string;
}

/** Receipts that any branch can check: what they say is signed by the branch that took the payment. */
export function createReceipts(deps: {
  node: NodeCode;
  clock: Clock;
  signer: Signer;
  /** Reads signatures of former members too: their receipts are still in people's hands. */
  historicVerifier: Verifier;
}) {
  /** How the payment stands now, signed. */
  async function sign({ record, payment, receiptKind }: PaymentFile): Promise<SignedReceipt> {
    const statement: ReceiptStatement = {
      node: deps.node,
      home: record.home,
      number: payment.receipt,
      operationId: record.id,
      ...formatMoney(payment.money),
      msisdn: maskDigits(record.msisdn),
      kind: receiptKind,
      disposition: payment.disposition,
      issuedAt: record.occurredAt,
      at: now(deps.clock),
    };
    return { statement, code: await deps.signer.sign(receiptType, statement) };
  }

  /**
   * What the code says, as the branch that it names has signed it.
   * @throws DomainError `receipt-invalid`
   */
  async function check(code: string): Promise<ReceiptStatement> {
    const named = signedBy.safeParse(unverifiedPayload(code)).data;
    // Head office takes no payments, whatever it signs.
    if (!named || named.node === headOffice) throw new DomainError('receipt-invalid');
    const payload = await verified(code, named.node);
    const parsed = receiptStatement.safeParse(payload);
    if (!parsed.success) throw new DomainError('receipt-invalid');
    return parsed.data;
  }

  async function verified(code: string, node: NodeCode): Promise<unknown> {
    try {
      return await deps.historicVerifier.verify(code, { node, typ: receiptType });
    } catch (error) {
      if (!isDomainError(error, 'peer-refused')) throw error;
      throw new DomainError('receipt-invalid', undefined, { cause: error });
    }
  }

  return { sign, check };
}

export type Receipts = ReturnType<typeof createReceipts>;

/** Only good for whose key to look up. */
function unverifiedPayload(code: string): unknown {
  const payload = code.split('.')[1] ?? '';
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString());
  } catch {
    return undefined;
  }
}
