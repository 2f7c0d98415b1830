/** The people of the demo. Their passwords are no secret: the demo listens on this machine only. */
export interface DemoOperator {
  readonly login: string;
  readonly name: string;
  readonly role: string;
  readonly password: string;
}

const branchStaff = [
  ['manager', 'Анна Соколова', 'branch-manager'],
  ['cashier', 'Ирина Петрова', 'cashier'],
  ['clerk', 'Олег Смирнов', 'subscriber-clerk'],
  ['senior', 'Мария Кузнецова', 'senior'],
  ['auditor', 'Пётр Волков', 'auditor'],
  ['admin', 'Денис Орлов', 'branch-admin'],
] as const;

const centreStaff = [
  ['manager', 'Елена Морозова', 'centre-manager'],
  ['deputy', 'Сергей Лебедев', 'centre-manager'],
  ['editor', 'Ольга Новикова', 'reference-editor'],
  ['publisher', 'Иван Козлов', 'reference-publisher'],
  ['reconciler', 'Татьяна Павлова', 'reconciler'],
  ['maker', 'Николай Фёдоров', 'settlement-maker'],
  ['checker', 'Юлия Белова', 'settlement-checker'],
  ['admin', 'Виктор Зайцев', 'centre-admin'],
] as const;

export function staffOf({ code, role }: { code: string; role: 'centre' | 'branch' }) {
  const staff = role === 'centre' ? centreStaff : branchStaff;
  return staff.map(
    ([login, name, operatorRole]): DemoOperator => ({
      login,
      name,
      role: operatorRole,
      password: `${login}-${code.toLowerCase()}-demo`,
    }),
  );
}
