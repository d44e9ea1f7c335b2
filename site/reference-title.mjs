const KINDS = {
  classes: "class",
  interfaces: "interface",
  "type-aliases": "type",
  variables: "variable",
  functions: "function",
};

/** Title of a page of the API reference for lists of pages, where a construct's own page has the same name, and a type and its values. */
export const referenceTitle = (name, folder) => `${name} (${KINDS[folder] ?? folder}) – API reference`;
