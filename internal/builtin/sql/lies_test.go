package sql_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"encoding/pem"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgproto3"

	own "doorward/internal/builtin/sql"
)

// What a server that lies may have a call take of the memory, its own buffers with it.
const lieBytes = 256 << 20

// takes runs something and returns what it took of the memory, in bytes.
func takes(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// listening has each connection to a port of loopback served by serve, until the test ends.
func listening(t *testing.T, serve func(net.Conn)) (address string) {
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				serve(c)
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); all.Wait() })
	return l.Addr().String()
}

// liar speaks the protocol of MySQL well until it is asked for what it lies about.
type liar struct {
	tls *tls.Config // nil: it has none
	to  string      // the statement, or a part of it
	lie []byte      // the answer
}

func mysqlPacket(number byte, body string) []byte {
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(body)))
	return append(append(head[:3], number), body...)
}

// mysqlRow is an answer of one row of texts.
func mysqlRow(texts ...string) (all []byte) {
	packets := []string{string(rune(len(texts)))}
	row := ""
	for _, text := range texts {
		packets = append(packets, "\x03def\x00\x00\x00\x01c\x00\x0c\x2d\x00\x00\x00\x00\x00\xfd\x00\x00\x00\x00\x00")
		row += string(rune(len(text))) + text
	}
	for i, body := range append(packets, "\xfe\x00\x00\x02\x00", row, "\xfe\x00\x00\x02\x00") {
		all = append(all, mysqlPacket(byte(i+1), body)...)
	}
	return all
}

func (l *liar) serve(raw net.Conn) {
	c := raw
	able := uint32(0x00080200 | 0x8000 | 0x8) // PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH, CONNECT_WITH_DB
	if l.tls != nil {
		able |= 0x800
	}
	greeting := "\x0a11.8.0-MariaDB\x00\x01\x00\x00\x0012345678\x00" + string([]byte{byte(able), byte(able >> 8)}) + "\x2d\x02\x00" + string([]byte{byte(able >> 16), byte(able >> 24)}) + "\x15" + strings.Repeat("\x00", 10) + "123456789012\x00caching_sha2_password\x00"
	_, _ = c.Write(mysqlPacket(0, greeting))
	read := func(from io.Reader) (number byte, body []byte) {
		head := make([]byte, 4)
		if _, err := io.ReadFull(from, head); err != nil {
			return 0, nil
		}
		body = make([]byte, int(head[0])|int(head[1])<<8|int(head[2])<<16)
		_, _ = io.ReadFull(from, body)
		return head[3], body
	}
	number, _ := read(c)
	if l.tls != nil {
		c = tls.Server(c, l.tls)
		number, _ = read(c)
		_, _ = c.Write(mysqlPacket(number+1, "\x01\x04")) // the password itself is asked for, as in TLS alone
		var password []byte
		if number, password = read(c); string(password) != "sesame\x00" {
			return
		}
	}
	_, _ = c.Write(mysqlPacket(number+1, "\x00\x00\x00\x02\x00\x00\x00"))
	in := bufio.NewReader(c)
	prepared := ""
	for {
		_, body := read(in)
		if len(body) == 0 || body[0] == 1 {
			return
		}
		stmt := string(body[1:])
		answer := mysqlPacket(1, "\x00\x00\x00\x02\x00\x00\x00")
		switch {
		case body[0] == 0x17:
			stmt = prepared
		case body[0] == 0x16:
			prepared = stmt
			answer = append(mysqlPacket(1, "\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00"), append(mysqlPacket(2, "\x03def\x00\x00\x00\x01c\x00\x0c\x2d\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00"), mysqlPacket(3, "\xfe\x00\x00\x02\x00")...)...)
		case strings.Contains(stmt, "VERSION()"):
			answer = mysqlRow("11.8.0-MariaDB", "1", "here:1/1")
		case strings.Contains(stmt, "@@SESSION.sql_mode,"):
			answer = mysqlRow("ANSI_QUOTES,IGNORE_SPACE,NO_BACKSLASH_ESCAPES", "utf8mb4", "utf8mb4", "+00:00")
		case strings.Contains(stmt, "SHOW GRANTS"):
			answer = mysqlRow("GRANT USAGE ON *.* TO `u`@`%`")
		case body[0] == 0x19:
			continue // a statement is closed: no answer
		}
		if body[0] != 0x16 && strings.Contains(stmt, l.to) {
			answer = l.lie
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

// A server of MySQL that lies takes no more than a bounded part of the memory: neither by a
// number of columns, for which the driver makes room, nor by packets and rows without end.
func TestMySQLLies(t *testing.T) {
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	secure := &tls.Config{Certificates: web.TLS.Certificates, MinVersion: tls.VersionTLS12}
	columns := func(n uint64) []byte {
		return mysqlPacket(1, string(binary.LittleEndian.AppendUint64([]byte{0xfe}, n)))
	}
	wide := mysqlRow(make([]string, 17)...)
	long := bytes.Repeat(mysqlPacket(0, strings.Repeat("x", 1<<20)), 12)
	for name, tc := range map[string]struct {
		liar
		why string
	}{
		"2^24 columns, at once":         {liar{nil, "VERSION()", columns(1 << 24)}, "more columns"},
		"2^40 columns, at once":         {liar{nil, "VERSION()", columns(1 << 40)}, "more columns"},
		"2^24 columns of the grants":    {liar{nil, "SHOW GRANTS", mysqlPacket(1, "\xfd\x00\x00\xff")}, "more columns"},
		"17 columns of the grants":      {liar{nil, "SHOW GRANTS", wide}, "more columns"},
		"2^24 columns of an answer":     {liar{nil, "SELECT 1", columns(1 << 24)}, "more columns"},
		"2^40 columns, in TLS":          {liar{secure, "SELECT 1", columns(1 << 40)}, "more columns"},
		"a packet of 16 MiB":            {liar{nil, "SHOW GRANTS", []byte("\xfe\xff\xff\x01")}, "tells more"},
		"a packet of 16 MiB, in TLS":    {liar{secure, "SELECT 1", []byte("\xfe\xff\xff\x01")}, "longer than 8 MiB"},
		"columns without end":           {liar{nil, "SELECT 1", append(mysqlPacket(1, "\xfc\x00\x10"), long...)}, "without an answer"},
		"what is sent before it is due": {liar{nil, "START TRANSACTION", append(mysqlPacket(1, "\x00\x00\x00\x02\x00\x00\x00"), columns(1<<40)...)}, "more columns"},
	} {
		t.Run(name, func(t *testing.T) {
			at := listening(t, tc.serve)
			url := "mysql://u:sesame@" + at + "/d"
			if tc.tls != nil {
				url += "?tls=true&ca=" + ca
			}
			c := newCaller(t, func(in *own.Settings) { in.DSN = func() (string, error) { return url, nil } })
			if took := takes(func() { c.refused("SELECT 1", tc.why) }); took > lieBytes {
				t.Errorf("took %d MiB", took>>20)
			}
		})
	}
}

// flood serves a connection of PostgreSQL: well, until a statement has a part in it, and
// then with rows or notifications without end. It returns how many bytes it got rid of.
func flood(c net.Conn, to string, with pgproto3.BackendMessage) (sent int64) {
	b := pgproto3.NewBackend(c, c)
	if first, err := b.ReceiveStartupMessage(); err != nil {
		return 0
	} else if _, ok := first.(*pgproto3.StartupMessage); !ok { // a cancelled call
		return 0
	}
	b.Send(&pgproto3.AuthenticationOk{})
	b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
	stmt := ""
	for b.Flush() == nil {
		msg, err := b.Receive()
		if err != nil {
			return sent
		}
		switch msg := msg.(type) {
		case *pgproto3.Parse:
			stmt = msg.Query
			b.Send(&pgproto3.ParseComplete{})
			continue
		case *pgproto3.Bind:
			b.Send(&pgproto3.BindComplete{})
			continue
		case *pgproto3.Describe:
			b.Send(&pgproto3.RowDescription{Fields: []pgproto3.FieldDescription{{Name: []byte("c"), DataTypeOID: 16}}})
			continue
		case *pgproto3.Execute:
			if !strings.Contains(stmt, "CREATEROLE") { // a role may nothing more: no row
				b.Send(&pgproto3.DataRow{Values: [][]byte{[]byte("f")}})
			}
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("SELECT 1")})
		case *pgproto3.Query:
			stmt = msg.String
			b.Send(&pgproto3.CommandComplete{CommandTag: []byte("BEGIN")})
			b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
			continue
		case *pgproto3.Sync:
			b.Send(&pgproto3.ReadyForQuery{TxStatus: 'I'})
			continue
		}
		for strings.Contains(stmt, to) {
			for range 16 {
				b.Send(with)
			}
			if b.Flush() != nil {
				return sent
			}
			text, _ := with.Encode(nil)
			sent += 16 * int64(len(text))
		}
	}
	return sent
}

// What a server of PostgreSQL sends without end is read for as long as an answer can be.
func TestPostgresLies(t *testing.T) {
	row := &pgproto3.DataRow{Values: [][]byte{bytes.Repeat([]byte("t"), 60_000)}}
	told := &pgproto3.NotificationResponse{Channel: "c", Payload: strings.Repeat("x", 60_000)}
	for name, tc := range map[string]struct {
		to   string
		with pgproto3.BackendMessage
		why  string
	}{
		"rows of what the role may": {"pg_has_role", row, "cannot be reached"},
		"notifications":             {"doorward_answer", told, "longer than 8 MiB"},
		"of a mask":                 {"has_column_privilege", row, "longer than 8 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			var sent atomic.Int64
			t.Cleanup(func() { // when the server has ended
				if n := sent.Load(); n == 0 || n > 32<<20 {
					t.Errorf("%d bytes were read", n)
				}
			})
			at := listening(t, func(c net.Conn) { sent.Add(flood(c, tc.to, tc.with)) })
			c := newCaller(t, func(in *own.Settings) {
				in.DSN = func() (string, error) { return "postgres://u@" + at + "/d?sslmode=disable", nil }
				in.Mask = map[string][]string{"items": {"card"}}
			})
			if took := takes(func() { c.refused("SELECT 1", tc.why) }); took > lieBytes {
				t.Errorf("took %d MiB", took>>20)
			}
		})
	}
}
