/** Where people see to how they sign in. */
export const passwordPath = '/password';
export const accountPath = '/account';
