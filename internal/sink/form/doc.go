// Package form gives a record of the audit log the forms in which others take it:
// CEF, OCSF, CSV, RFC 5424, OTLP, and the log's own line. The sinks call it, and
// the command line for exports.
//
// Whatever a text in a record holds, it stays one value of one field: it can
// neither end a line, nor add a field, nor change another (security cases LOG-01
// and LOG-03). The arguments of a call, sealed or plain, are in the log's own line
// alone and in no other form.
package form
