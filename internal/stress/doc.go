// Package stress holds tests alone: they run the built doorward and load it as
// no single client would: many clients that share an id, an end by SIGKILL, a
// disk that is full, clients that never finish, reloads under load, and an
// upstream that hangs beside one that does not. They look from the outside,
// at HTTP, processes and the audit log, and take nothing from the code.
//
// Nothing imports it, and it never replaces the tests beside a package.
package stress
