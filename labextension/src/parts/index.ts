/** What views are made of. */
export * from './buttons';
export * from './feedback';
export * from './lists';
export * from './modal';
export * from './tabs';
export * from './times';
export * from './width';
