/** The database is there, and must not be used as it is: a person has to look. */
export class DatabaseUnfit extends Error {}
