package sink

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"doorward/internal/dsn"
	"doorward/internal/gate"
	"doorward/internal/sink/form"
	"doorward/internal/webhook"
)

// PostgresConfig is a database. DSN is required.
type PostgresConfig struct {
	DSN   func() (gate.Secret, error) // a postgres:// URL, asked for every connection
	Roots *x509.CertPool              // that its certificate is verified by; nil: as the DSN says
}

type postgresReceiver struct {
	PostgresConfig
	conn *pgx.Conn
}

// NewPostgres makes a receiver that keeps records in a table of PostgreSQL.
func NewPostgres(c PostgresConfig) (Receiver, error) {
	if c.DSN == nil {
		return nil, errors.New("sink: a DSN is required")
	}
	return &postgresReceiver{PostgresConfig: c}, nil
}

// insertRecords takes arrays of equal length, one for each column. What is there
// already, by origin, number and digest, is left as it is. No column is read, so that
// a role which may insert and nothing else is enough.
const insertRecords = `INSERT INTO doorward_audit
 (origin, seq, digest, at, kind, event, exchange, subject, key, tenant, upstream, item, status, code, line)
 SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::timestamptz[], $5::text[], $6::text[], $7::text[],
  $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
 ON CONFLICT DO NOTHING`

// shownColumns are the fields with a column of their own, in the order of the insert.
func shownColumns() []string {
	return []string{"kind", "event", "exchange", "principal.subject", "key", "principal.tenant", "upstream", "item", "status", "code"}
}

// Deliver inserts the batch in one statement: all of it or nothing.
func (p *postgresReceiver) Deliver(ctx context.Context, batch []form.Record) error {
	if err := p.connect(ctx); err != nil {
		return err
	}
	origins, numbers, digests := make([]string, len(batch)), make([]int64, len(batch)), make([]string, len(batch))
	times, lines := make([]time.Time, len(batch)), make([]string, len(batch))
	names := shownColumns()
	columns := make([][]string, len(names))
	for i := range batch {
		r := &batch[i]
		fields := map[string]string{}
		for _, f := range r.Fields() {
			fields[f.Name] = f.Text
		}
		origins[i], numbers[i], digests[i] = fields["origin"], int64(r.Seq), fields["digest"] //nolint:gosec // the log counts to 2^53
		times[i], lines[i] = r.Time, string(r.Line)
		for c, name := range names {
			columns[c] = append(columns[c], fields[name])
		}
	}
	args := []any{origins, numbers, digests, times}
	for _, c := range columns {
		args = append(args, c)
	}
	if _, err := p.conn.Exec(ctx, insertRecords, append(args, lines)...); err != nil {
		p.drop()
		return answered(err)
	}
	return nil
}

// drop ends the connection, for the next try to open another.
func (p *postgresReceiver) drop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = p.conn.Close(ctx) // it is given up
	p.conn = nil
}

func (p *postgresReceiver) connect(ctx context.Context) error {
	if p.conn != nil && !p.conn.IsClosed() {
		return nil
	}
	url, err := p.DSN()
	if err != nil {
		return fmt.Errorf("reading the DSN: %w", err)
	}
	config, err := parseDSN(url, p.Roots)
	if err != nil {
		return err
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return answered(err)
	}
	p.conn = conn
	if err := migrate(ctx, conn); err != nil {
		p.drop()
		return answered(err)
	}
	return nil
}

// CheckDSN tells what is wrong with a DSN, and never what stands in it.
func CheckDSN(url gate.Secret) error {
	_, err := parseDSN(url, nil)
	return err
}

// maxMessage bounds what a database sends at once, in bytes: of its tables no row is read, and
// of an error a code.
const maxMessage = 1 << 20

// parseDSN reads a DSN. To another machine the connection must be encrypted, and the
// certificate verified: pgx's own default falls back to the clear.
func parseDSN(url gate.Secret, roots *x509.CertPool) (*pgx.ConnConfig, error) {
	text := url.Reveal()
	if err := dsn.Check(text); err != nil {
		return nil, err
	}
	whole, options := dsn.Alone(text)
	c, err := pgx.ParseConfig(whole)
	if err != nil {
		return nil, errors.New("the DSN is not one that PostgreSQL understands") // the error repeats it
	}
	if err := dsn.Secure(&c.Config, roots); err != nil {
		return nil, err
	}
	dsn.Bound(&c.Config, maxMessage)
	dsn.Keep(c.RuntimeParams, options)
	c.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		d := &net.Dialer{Timeout: patience}
		if network != "unix" {
			d = webhook.Dialer(false)
		}
		return d.DialContext(ctx, network, address)
	}
	c.RuntimeParams["application_name"] = "doorward"
	return c, nil
}

// answered says what went wrong without the database's own words, which may repeat
// what it was sent.
func answered(err error) error {
	var said *pgconn.PgError
	switch {
	case errors.Is(err, errNewer):
		return errNewer
	case errors.As(err, &said):
		return fmt.Errorf("PostgreSQL answered %s", said.Code) // SQLSTATE, five characters
	case dsn.IsLong(err):
		return dsn.ErrLong
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		return fmt.Errorf("PostgreSQL did not answer within %v", patience)
	}
	return webhook.Plainly(err)
}

// Close implements Receiver.
func (p *postgresReceiver) Close() error {
	if p.conn == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return p.conn.Close(ctx)
}
