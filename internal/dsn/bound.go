package dsn

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// ErrLong is that of a server that IsLong is true of.
var ErrLong = errors.New("the server announced a longer message than it has to send")

// Bound has a connection to PostgreSQL end at the header of a message that is longer than most
// bytes, before there is room made for it: pgx makes that as announced, up to 1 GiB. What the
// server tells unasked is not kept.
func Bound(c *pgconn.Config, most int) {
	c.MaxProtocolMessageBodyLen = most
	c.OnNotification = func(*pgconn.PgConn, *pgconn.Notification) {}
}

// IsLong tells whether a connection ended by its bound.
func IsLong(err error) bool {
	_, ok := errors.AsType[*pgproto3.ExceededMaxBodyLenErr](err)
	return ok
}
