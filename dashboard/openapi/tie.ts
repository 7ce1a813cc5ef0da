/**
 * Ties between schemas and the types that the code works with. A tie is a type that does not
 * compile where the two differ, in either direction: `AllTrue<[Same<Hello, typeof hello>]>`.
 */
import type * as z from "zod";

/**
 * A type as JSON has it, where what is undefined is absent. Whether a property may be absent stands
 * beside its type and not in `?`, as `extends` passes over an optional property that is not there.
 */
type Plain<T> = T extends readonly (infer Entry)[] ? readonly Plain<Entry>[]
  : T extends object ? {
      readonly [Key in keyof T]-?: undefined extends T[Key]
        ? { readonly mayBeAbsent: true; readonly type: Plain<Exclude<T[Key], undefined>> }
        : { readonly mayBeAbsent: false; readonly type: Plain<T[Key]> };
    }
  : T;

type Equal<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** Whether what the schema lets pass is exactly this type. */
export type Same<Type, Schema extends z.ZodType> = Equal<Plain<Type>, Plain<z.output<Schema>>>;

/** Whether what the schema takes is exactly this type: a request, whose defaults are left out. */
export type Takes<Type, Schema extends z.ZodType> = Equal<Plain<Type>, Plain<z.input<Schema>>>;

/** Whether the schema lets pass all that the type says, and maybe more exactly. */
export type Fits<Type, Schema extends z.ZodType> = z.output<Schema> extends Type ? true : false;

/** Compiles only where all of them hold. */
export type AllTrue<Ties extends readonly true[]> = Ties;
