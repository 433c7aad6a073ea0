package egress

import (
	"context"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
)

// Code says what became of a connection. It is stable: it stands in records. The zero
// value is none, and is never reported.
type Code string

// The codes. Opened is of a connection to a listed place that is about to be made, before
// its name is looked up; how it ended is reported once more, with one of the others. Those
// of the last group are refusals, after which nothing was carried; those before a place was
// found on the list are the only report.
const (
	Opened Code = "opened"

	Ended   Code = "ended"         // either side ended it
	Idle    Code = "ended.idle"    // nothing came for Limits.Idle
	Long    Code = "ended.long"    // it lasted Limits.Total
	Large   Code = "ended.large"   // it carried Limits.Bytes
	Minute  Code = "ended.minute"  // all together carried Limits.BytesPerMinute
	Stopped Code = "ended.stopped" // the listener was closed
	Broken  Code = "ended.broken"  // the request broke off, or was not as its head said

	Malformed   Code = "refused.malformed"   // no request that the proxy reads
	Unsupported Code = "refused.unsupported" // BIND, UDP, authentication, another scheme
	Unlisted    Code = "refused.unlisted"    // the place is not on the list
	Unresolved  Code = "refused.unresolved"  // the name has no address, or too many
	Inward      Code = "refused.address"     // the name leads to an address that is not public
	Unreachable Code = "refused.unreachable" // nobody took the connection
	Mismatch    Code = "refused.mismatch"    // SNI or Host name another host than was asked for
	Unnamed     Code = "refused.unnamed"     // TLS without a server name
	Clear       Code = "refused.clear"       // no TLS in a tunnel
	Slow        Code = "refused.slow"        // no whole request within Limits.Head
	Busy        Code = "refused.busy"        // Limits.Connections are open
	Often       Code = "refused.often"       // Limits.PerMinute were made in a minute

	unrecorded Code = "refused.unrecorded" // the report of Opened failed; never reported
)

// Refused tells whether nothing was carried.
func (c Code) Refused() bool { return strings.HasPrefix(string(c), "refused.") }

// Connection is what is reported of one.
type Connection struct {
	Upstream string
	Protocol string // "connect", "http", "socks5"; "" where it was not to be seen
	Host     string // a name in lower case, or an address; "" where it was not to be read
	Port     uint16
	Address  netip.Addr // that was dialled; not valid before
	Code     Code
	Sent     int64 // bytes to the host
	Received int64 // bytes from the host
	Duration time.Duration
	Missed   uint64 // connections that were closed unreported before: of Busy and Often one a minute is reported
}

// Report puts a connection on record. Its error refuses the connection.
type Report func(context.Context, Connection) error

// attempt is a connection while it is dealt with. One goroutine owns it, but for the
// figures.
type attempt struct {
	Connection
	begun          time.Time
	sent, received atomic.Int64
}

// seen is the connection as it is now.
func (a *attempt) seen(code Code) Connection {
	c := a.Connection
	c.Code, c.Sent, c.Received, c.Duration = code, a.sent.Load(), a.received.Load(), time.Since(a.begun)
	return c
}
