/* Names under which Nest hands out what is no class. */

export const clockToken = Symbol('Clock');
export const configToken = Symbol('Config');
/** What `TokenStore.open` gave: the store, and at the very first start the admin token to print. */
export const firstAdminTokenKey = Symbol('FirstAdminToken');
