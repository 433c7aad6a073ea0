package sql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
)

// What may be read of a database's server before it is allowed more. A driver takes a row,
// and an answer to a statement of Doorward's own, in whole, however long the server makes it.
const (
	ahead   = 64 << 10          // of what follows, with it: buffers, and what TLS adds
	oneRow  = maxCell + ahead   // of a statement that was asked for, or of a plan
	oneWord = 64<<10 + ahead    // to a statement of ours that gives next to nothing
	allTold = 4*maxCell + ahead // that PostgreSQL says of its tables: 100,000 columns of 300 bytes
)

// errLong is the end of a row that is longer than can be read.
var errLong = fmt.Errorf("a row of the database is longer than %d MiB", maxCell>>20)

// metered is a connection of which no more can be read than is allowed at a time.
type metered struct {
	net.Conn
	left  atomic.Int64
	all   atomic.Int64 // that was read
	spent atomic.Bool
}

// allow lets so many bytes come, whatever was left.
func (m *metered) allow(bytes int64) { m.left.Store(bytes) }

func (m *metered) Read(p []byte) (int, error) {
	left := m.left.Load()
	if left <= 0 {
		m.spent.Store(true)
		return 0, errLong
	}
	n, err := m.Conn.Read(p[:min(int64(len(p)), left)])
	m.left.Add(-int64(n))
	m.all.Add(int64(n))
	return n, err
}

// errClear is that of a host that is another machine by its address.
var errClear = errors.New("the database is on another machine: its URL has to have tls=true")

// dial connects. In the clear it does so to this machine alone, whatever a name of it stands
// for.
func (m *metered) dial(ctx context.Context, network, address string, plain bool) error {
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	if plain && !stays(c.RemoteAddr()) {
		_ = c.Close()
		return errClear
	}
	m.Conn = c
	return nil
}

// stays tells whether what is sent to an address leaves this machine.
func stays(to net.Addr) bool {
	tcp, ok := to.(*net.TCPAddr)
	return !ok || tcp.IP.IsLoopback()
}
