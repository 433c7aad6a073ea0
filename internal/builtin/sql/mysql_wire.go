package sql

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"

	"github.com/go-sql-driver/mysql"
)

// What packets look like:
// https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html
const (
	packetHead    = 4       // bytes: three of length, one of the packet's number
	lengthAtMost  = 9       // bytes of a number whose first one says how many it has
	sslRequest    = 32      // bytes of an answer to the greeting that stand before names
	clientSSL     = 1 << 11 // of the capabilities: TLS comes next
	capabilitySet = 1 + 4 + 8 + 1
	isError       = 0xff
	isFile        = 0xfb // the server asks for a file; the driver refuses
	comQuery      = 0x03
	comExecute    = 0x17
)

// Columns of an answer. The driver makes room for as many as the server says there are, before
// one of them has come.
const (
	maxColumns = 4096 // that a table can have: https://dev.mysql.com/doc/refman/8.4/en/column-count-limit.html
	ownColumns = 16   // of what statements of ours give: EXPLAIN has the most, 12
)

// Errors of a server that speaks otherwise than it must.
var (
	errColumns = fmt.Errorf("the database's answer has more columns than can be read (%d of a statement)", maxColumns)
	errGreeted = errors.New("the database does not begin as MySQL and MariaDB do")
)

// wire is a connection to MySQL or MariaDB that its driver reads packet by packet: none
// reaches it before the packet has been looked at, and none that the server sent before it
// was asked counts as something else. So it is here that TLS begins, and not in the driver,
// beneath which there would be nothing to look at.
type wire struct {
	metered
	secure  *tls.Config   // nil: in the clear
	driver  *mysql.Config // that the driver goes by; it has secure once TLS has begun
	through net.Conn      // metered, or TLS over it
	in      *bufio.Reader // of through
	rest    int           // bytes of the packet that is being read
	greeted bool          // the server's first packet has come
	shift   byte          // by which the server counts ahead of the driver, which knows of no request for TLS, until it is signed in
	answers bool          // the next packet begins an answer with columns
	columns uint64        // that the answer may have
	broken  atomic.Pointer[error]
}

// connector makes the connections of a configuration, one at a time, over the wire.
func (w *wire) connector(of *mysql.Config) (driver.Connector, error) {
	cfg := of.Clone()
	cfg.TLS, cfg.Timeout, cfg.DialFunc = nil, connectWithin, w.dial
	w.columns = ownColumns
	if err := cfg.Apply(mysql.BeforeConnect(func(_ context.Context, own *mysql.Config) error {
		w.driver = own
		return nil
	})); err != nil {
		return nil, err
	}
	return mysql.NewConnector(cfg)
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.allow(oneRow)
	if err := w.metered.dial(ctx, network, address, w.secure == nil); err != nil {
		return nil, err
	}
	w.through, w.in = &w.metered, bufio.NewReader(&w.metered)
	w.rest, w.greeted, w.shift, w.answers = 0, false, 0, false
	return w, nil
}

// why is what the wire ended for, which the driver does not tell.
func (w *wire) why() error {
	if broken := w.broken.Load(); broken != nil {
		return *broken
	}
	if w.spent.Load() {
		return errLong
	}
	return nil
}

func (w *wire) end(why error) error {
	w.broken.Store(&why)
	return why
}

// Read reads of one packet alone.
func (w *wire) Read(p []byte) (int, error) {
	if w.rest == 0 {
		if err := w.next(); err != nil {
			return 0, err
		}
	}
	n, err := w.in.Read(p[:min(len(p), w.rest)])
	w.rest -= n
	return n, err
}

// next looks at a packet that begins.
func (w *wire) next() error {
	head, err := w.in.Peek(packetHead)
	if err != nil {
		return err
	}
	n := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
	if n > maxCell { // the driver would make room for it
		return w.end(errLong)
	}
	head[3] -= w.shift
	looked := 0
	switch {
	case !w.greeted && w.secure != nil:
		looked = min(n, w.in.Size()-packetHead)
	case w.answers:
		looked = min(n, lengthAtMost)
	}
	body, err := w.in.Peek(packetHead + looked)
	if err != nil {
		return err
	}
	body = body[packetHead:]
	if !w.greeted && w.secure != nil {
		if err := offersTLS(body); err != nil {
			return w.end(err)
		}
	}
	if w.answers && columnsOf(body) > w.columns {
		return w.end(errColumns)
	}
	w.greeted, w.answers, w.rest = true, false, packetHead+n
	return nil
}

// offersTLS looks at a server's greeting: its version up to a zero byte, the connection's
// number, eight bytes of a challenge, a zero byte, and what it can.
func offersTLS(greeting []byte) error {
	if len(greeting) > 0 && greeting[0] == isError {
		return nil // the driver says which
	}
	end := bytes.IndexByte(greeting, 0)
	if at := end + capabilitySet; end < 0 || len(greeting) < at+2 {
		return errGreeted
	} else if binary.LittleEndian.Uint16(greeting[at:])&clientSSL == 0 {
		return mysql.ErrNoTLS
	}
	return nil
}

// columnsOf is how many columns the first packet of an answer announces; 0: it is none that
// does. https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_dt_integers.html
func columnsOf(body []byte) uint64 {
	if len(body) == 0 || body[0] == isError || body[0] == isFile {
		return 0
	}
	size := map[byte]int{0xfc: 2, 0xfd: 3, 0xfe: 8}[body[0]]
	if size == 0 {
		return uint64(body[0])
	}
	var number [8]byte
	copy(number[:size], body[1:])
	return binary.LittleEndian.Uint64(number[:])
}

// Write writes a packet, which the driver hands over whole. Its first one waits for TLS.
func (w *wire) Write(p []byte) (int, error) {
	if len(p) <= packetHead {
		return w.through.Write(p)
	}
	if w.secure != nil && w.through == net.Conn(&w.metered) {
		if err := w.encrypt(p); err != nil {
			return 0, w.end(err)
		}
		p = slices.Clone(p)
		p[packetHead+1] |= clientSSL >> 8
	}
	if p[3] == 0 { // a command: the driver is signed in
		w.shift = 0
		w.answers = p[packetHead] == comQuery || p[packetHead] == comExecute
	}
	if w.shift != 0 {
		p = slices.Clone(p)
		p[3] += w.shift
	}
	return w.through.Write(p)
}

// encrypt asks for TLS by the beginning of the driver's answer to the greeting, and begins
// it. What the server has sent ahead would count as if it had come in TLS.
func (w *wire) encrypt(answer []byte) error {
	if len(answer) < packetHead+sslRequest || w.in.Buffered() > 0 || w.rest > 0 {
		return errGreeted
	}
	ask := slices.Clone(answer[:packetHead+sslRequest])
	ask[0], ask[1], ask[2] = sslRequest, 0, 0
	ask[packetHead+1] |= clientSSL >> 8
	if _, err := w.metered.Write(ask); err != nil {
		return err
	}
	secured := tls.Client(&w.metered, w.secure)
	within, cancel := context.WithTimeout(context.Background(), connectWithin) // Write has none; the driver closes the connection when its own ends
	defer cancel()
	if err := secured.HandshakeContext(within); err != nil {
		return err
	}
	w.through, w.shift, w.driver.TLS = secured, 1, w.secure
	w.in.Reset(secured)
	return nil
}
