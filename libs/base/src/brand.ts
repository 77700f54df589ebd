declare const brand: unique symbol;

/** A string or number that has been checked: `Brand<string, 'Mac'>` can't be mistaken for any other string. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
