// Package figures computes the four security figures: how long it takes to detect
// unauthorised access, the share of requests with valid authentication, violations of
// resource limits, and how many secrets are within the age at which they are
// replaced. app holds every record that it writes to Read, for the metrics, and every
// record of a log to Take, for doorward incident stats: so both tell the same.
//
// It reads no file, has no clock, and knows nobody's name.
package figures
