// Package condition compiles and evaluates the `when:` of policy rules: one CEL
// expression over who calls, what is called, with which arguments, and when.
// Config compiles every condition once per load, and the authorize stage
// evaluates those of the rules that match.
//
// A condition sees seven variables and nothing else:
//
//	principal  subject, tenant, realm, method, client, credential, groups, scopes, roles
//	upstream   the upstream's name
//	tool       the tool's or prompt's name, or the resource's URI
//	args       the arguments, as the client sent them
//	session    labels
//	now        year, month, day, hour, minute, weekday (0 is Sunday), all in UTC; time, a timestamp
//	request    method, kind, transport, era, profile, address, agent
//
// Of an argument that is missing, of an attribute that the principal does not
// have (a tenant, a client), of types that do not fit, of a division by zero and
// of an evaluation that takes too long comes an error, and an error refuses:
// has(args.owner) and has(principal.tenant) ask first. As everywhere in CEL, the
// other side of && or || may decide without the side that failed.
//
// Values are data. Nothing here builds the text of an expression, and patterns
// are literals of the expression itself: no argument is ever read as CEL, as a
// regular expression or as a glob.
//
// JSON numbers keep their value or are refused. One without fraction and exponent
// is an int and must fit 64 bits; any other is a double and must be the shortest
// text of that double, below 2^53.
//
// The package opens nothing (but for the time zones that now.time.getHours takes
// by name), starts nothing, and never logs.
package condition
