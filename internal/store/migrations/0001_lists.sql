-- Lists that gateways share: how often each was changed, with an HMAC over all of its entries,
-- and the entries by their ids. An entry has the generation of its list in which it was written.
CREATE TABLE lists (
  name       text   NOT NULL PRIMARY KEY,
  generation bigint NOT NULL CHECK (generation >= 0),
  mac        bytea  NOT NULL
);
CREATE TABLE entries (
  list       text   NOT NULL REFERENCES lists (name),
  id         text   NOT NULL,
  generation bigint NOT NULL,
  content    bytea  NOT NULL,
  PRIMARY KEY (list, id)
);
CREATE INDEX entries_generation ON entries (list, generation);
-- What calls that wait for people say, sealed, by the id of the approval.
CREATE TABLE arguments (
  id      text  NOT NULL PRIMARY KEY,
  content bytea NOT NULL
);
