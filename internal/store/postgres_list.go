package store

import (
	"bytes"
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresList is one list in PostgreSQL: texts by their ids, and over all of them an HMAC
// and how often they were changed. Who can write the database can put back an older state
// of the whole alone, and that is refused as an older file is (StaleError). Changes are
// made one after the other, under the lock of the list's row. Its methods are called one
// at a time.
type postgresList struct {
	db     *Postgres
	kept   Kept
	key    []byte // of the HMAC
	ledger *Ledger
	bounds listBounds
	now    *listState // as it was last; nil: nothing was read yet
}

// listBounds are how many texts there may be, how many bytes one has, and all of them
// with their ids.
type listBounds struct {
	texts, size int
	total       int64
}

// maxListID bounds the id of a text, in bytes: those of all lists are shorter.
const maxListID = 128

// listState is a list at a time. It never changes.
type listState struct {
	generation uint64
	mac        []byte
	texts      map[string]string
	sums       map[string][sha256.Size]byte // of the texts
	size       int64                        // of ids and texts, in bytes
}

// listChange is what is done to a list. With is done in the same transaction, with both.
type listChange struct {
	put  map[string]string
	drop []string
	with func(ctx context.Context, tx pgx.Tx) error // nil: nothing
}

// listHead is the row of a list, and the server's clock.
type listHead struct {
	at         time.Time
	generation uint64
	mac        []byte
}

// newPostgresList makes one whose HMAC has a key made of a secret that every gateway with
// the same database has. Without a ledger, what was seen is known as long as it lasts.
func newPostgresList(db *Postgres, kept Kept, secret []byte, ledger *Ledger, bounds listBounds) (*postgresList, error) {
	if ledger == nil {
		ledger = NewLedger(nil, nil)
	}
	l := &postgresList{db: db, kept: kept, ledger: ledger, bounds: bounds}
	var err error
	l.key, err = hkdf.Key(sha256.New, secret, nil, "doorward list "+l.name()+" in postgres at "+db.schema+" 1", sha256.Size)
	return l, err
}

// name is that of the list in the table.
func (l *postgresList) name() string { return strings.TrimSuffix(string(l.kept), ".json") }

// headText reads the row of a list, whether there is one or not, and the clock. Of what is
// no HMAC it reads enough to tell.
const headText = `SELECT clock_timestamp(), current_setting('transaction_read_only') = 'on', coalesce(l.generation, 0), substring(coalesce(l.mac, '') FOR 33)
 FROM (VALUES ($1::text)) AS asked (name) LEFT JOIN lists AS l ON l.name = asked.name`

func (l *postgresList) head(ctx context.Context, q querier) (h listHead, err error) {
	var refuses bool
	var generation int64
	if err = q.QueryRow(ctx, headText, l.name()).Scan(&h.at, &refuses, &generation, &h.mac); err == nil && refuses {
		err = errNoWrites // it may lag behind the one that takes them
	}
	h.generation = uint64(generation) //nolint:gosec // the table has none below 0
	return h, err
}

// lock keeps others from changing the list until the transaction ends, and makes its row
// where there is none.
func (l *postgresList) lock(ctx context.Context, tx pgx.Tx) error {
	const lock = "SELECT FROM lists WHERE name = $1 FOR UPDATE"
	tag, err := tx.Exec(ctx, lock, l.name())
	if err != nil || tag.RowsAffected() > 0 {
		return err
	}
	if _, err = tx.Exec(ctx, "INSERT INTO lists (name, generation, mac) VALUES ($1, 0, '') ON CONFLICT DO NOTHING", l.name()); err == nil {
		_, err = tx.Exec(ctx, lock, l.name())
	}
	return err
}

// read is the list as it is now, the same state where nothing has changed, and the time by
// the server's clock.
func (l *postgresList) read(ctx context.Context) (*listState, time.Time, error) {
	least := l.ledger.Least(l.kept)
	h, err := l.head(ctx, l.db.pool)
	if err != nil {
		return nil, time.Time{}, l.fault("reading", err)
	}
	if l.now.is(h) {
		return l.now, h.at, l.admit(l.now, least)
	}
	tx, err := l.db.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		return nil, time.Time{}, l.fault("reading", err)
	}
	defer rollback(tx)
	if h, err = l.head(ctx, tx); err != nil {
		return nil, time.Time{}, l.fault("reading", err)
	}
	next, err := l.catchUp(ctx, tx, h)
	if err == nil {
		err = l.admit(next, least)
	}
	if err != nil {
		return nil, time.Time{}, err
	}
	l.now = next
	return next, h.at, nil
}

// change does what edit makes of the list as it is then; nil leaves it. It is kept for good
// when that returns. With an error it may be, or not: the next look tells.
func (l *postgresList) change(ctx context.Context, edit func(now *listState, at time.Time) (*listChange, error)) (*listState, error) {
	least := l.ledger.Least(l.kept)
	return l.locked(ctx, func(tx pgx.Tx, now *listState, at time.Time) (*listState, error) {
		if err := l.admit(now, least); err != nil {
			return nil, err
		}
		what, err := edit(now, at)
		if err != nil || what == nil {
			return nil, err
		}
		next := now.with(what)
		if err := l.fits(next); err != nil {
			return nil, err
		}
		return next, l.keep(ctx, tx, next, what)
	})
}

// fits refuses a state that is larger than a list may be.
func (l *postgresList) fits(s *listState) error {
	switch {
	case len(s.texts) > l.bounds.texts:
		return fmt.Errorf("postgres: more than %d entries of %s are too many", l.bounds.texts, l.name())
	case s.size > l.bounds.total:
		return fmt.Errorf("postgres: more than %d bytes of %s are too much", l.bounds.total, l.name())
	}
	return nil
}

// locked has do write what a list becomes, while nobody else changes it: nil is as it was.
// Each of its statements sees what others have committed by then, whatever the server's
// own default is.
func (l *postgresList) locked(ctx context.Context, do func(pgx.Tx, *listState, time.Time) (*listState, error)) (*listState, error) {
	tx, err := l.db.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return nil, l.fault("changing", err)
	}
	defer rollback(tx)
	if err := l.lock(ctx, tx); err != nil {
		return nil, l.fault("changing", err)
	}
	h, err := l.head(ctx, tx)
	if err != nil {
		return nil, l.fault("changing", err)
	}
	now := l.now
	if !now.is(h) {
		if now, err = l.catchUp(ctx, tx, h); err != nil {
			return nil, err
		}
	}
	next, err := do(tx, now, h.at)
	switch {
	case err != nil:
		return nil, err
	case next == nil:
		return now, nil
	}
	if err := tx.Commit(ctx); err != nil {
		return nil, l.fault("changing", err)
	}
	l.now = next
	return next, l.ledger.Saw(l.kept, next.generation)
}

// keep writes what a list becomes.
func (l *postgresList) keep(ctx context.Context, tx pgx.Tx, next *listState, what *listChange) error {
	next.mac = l.mac(next)
	ids, texts := make([]string, 0, len(what.put)), make([][]byte, 0, len(what.put))
	for id, text := range what.put {
		ids, texts = append(ids, id), append(texts, []byte(text))
	}
	generation := int64(next.generation) //nolint:gosec // it counts from 0
	var batch pgx.Batch
	if len(ids) > 0 {
		batch.Queue(`INSERT INTO entries (list, id, generation, content) SELECT $1, id, $2, content FROM unnest($3::text[], $4::bytea[]) AS new (id, content)
 ON CONFLICT (list, id) DO UPDATE SET generation = excluded.generation, content = excluded.content`, l.name(), generation, ids, texts)
	}
	if len(what.drop) > 0 {
		batch.Queue("DELETE FROM entries WHERE list = $1 AND id = ANY ($2)", l.name(), what.drop)
	}
	batch.Queue("UPDATE lists SET generation = $2, mac = $3 WHERE name = $1", l.name(), generation, next.mac)
	err := tx.SendBatch(ctx, &batch).Close()
	if err == nil && what.with != nil {
		err = what.with(ctx, tx)
	}
	return l.fault("changing", err)
}

// catchUp reads what a list has become by its row: what was written since it was read
// last, and all of it where that is not all, as when something was dropped.
func (l *postgresList) catchUp(ctx context.Context, tx pgx.Tx, h listHead) (*listState, error) {
	from := &listState{}
	if l.now != nil && l.now.generation < h.generation {
		from = l.now
	}
	for {
		next, err := l.since(ctx, tx, from)
		if err != nil {
			return nil, err
		}
		next.generation, next.mac = h.generation, h.mac
		if l.holds(next) {
			return next, nil
		}
		if from.generation == 0 {
			return nil, fmt.Errorf("postgres: the list of %s was changed by somebody else than doorward, or the gateways have another state.key: put a copy back as doorward wrote it", l.name())
		}
		from = &listState{}
	}
}

// since is a state with what was written after it.
func (l *postgresList) since(ctx context.Context, tx pgx.Tx, from *listState) (*listState, error) {
	if from.generation == 0 { // it may be much, and ctx bounds it, too
		if _, err := tx.Exec(ctx, "SELECT set_config('statement_timeout', $1, true)", millisText(openWithin)); err != nil {
			return nil, l.fault("reading", err)
		}
	}
	rows, err := tx.Query(ctx, `SELECT left(id, $5), CASE WHEN octet_length(content) <= $3 AND octet_length(id) <= $5 THEN content END
 FROM entries WHERE list = $1 AND generation > $2 LIMIT $4`, l.name(), int64(from.generation), l.bounds.size, l.bounds.texts+1, maxListID) //nolint:gosec // it counts from 0
	if err != nil {
		return nil, l.fault("reading", err)
	}
	var over error // what is wrong with what there is
	read := &listState{texts: map[string]string{}}
	var id string
	var text []byte
	_, err = pgx.ForEachRow(rows, []any{&id, &text}, func() error {
		read.texts[id] = string(text)
		read.size += int64(len(id) + len(text))
		if over = l.fits(read); over == nil && text == nil {
			over = fmt.Errorf("postgres: an entry of %s is larger than %d bytes", l.name(), l.bounds.size)
		}
		return over
	})
	if over != nil {
		return nil, over
	}
	if err != nil {
		return nil, l.fault("reading", err)
	}
	next := from.with(&listChange{put: read.texts})
	return next, l.fits(next)
}

// admit refuses a state that is older than was known before it was read, and one with the
// number of changes that was read last and another content: the database forgot a change,
// and others were made. There was one more than it knows then, which stays known.
func (l *postgresList) admit(s *listState, least uint64) error {
	if l.now != nil && s.generation == l.now.generation && !bytes.Equal(s.mac, l.now.mac) {
		least = s.generation + 1
		if err := l.ledger.Saw(l.kept, least); err != nil {
			return err
		}
	}
	if s.generation < least {
		return &StaleError{List: l.kept, Path: "the list of " + l.name() + " in PostgreSQL", Has: s.generation, Least: least}
	}
	return l.ledger.Saw(l.kept, s.generation)
}

// holds tells whether doorward has written a state. One that was never changed is empty.
func (l *postgresList) holds(s *listState) bool {
	if s.generation == 0 {
		return len(s.mac) == 0 && len(s.texts) == 0
	}
	return hmac.Equal(s.mac, l.mac(s))
}

// mac is that of a state: of how often it was changed, and of each id, after its length,
// and the SHA-256 of its text.
func (l *postgresList) mac(s *listState) []byte {
	mac := hmac.New(sha256.New, l.key)
	var head [8]byte
	binary.BigEndian.PutUint64(head[:], s.generation)
	mac.Write(head[:])
	for _, id := range slices.Sorted(maps.Keys(s.sums)) {
		binary.BigEndian.PutUint64(head[:], uint64(len(id)))
		mac.Write(head[:])
		mac.Write([]byte(id))
		sum := s.sums[id]
		mac.Write(sum[:])
	}
	return mac.Sum(nil)
}

func (l *postgresList) fault(doing string, err error) error {
	return l.db.fault(doing+" the list of "+l.name(), err)
}

// is tells whether a state is what a row says.
func (s *listState) is(h listHead) bool {
	return s != nil && s.generation == h.generation && bytes.Equal(s.mac, h.mac)
}

// with is what a change makes of a state, without the HMAC.
func (s *listState) with(what *listChange) *listState {
	next := &listState{
		generation: s.generation + 1, size: s.size,
		texts: make(map[string]string, len(s.texts)+len(what.put)), sums: make(map[string][sha256.Size]byte, len(s.texts)+len(what.put)),
	}
	maps.Copy(next.texts, s.texts)
	maps.Copy(next.sums, s.sums)
	for id, text := range what.put {
		next.lose(id)
		next.texts[id], next.sums[id] = text, sha256.Sum256([]byte(text))
		next.size += int64(len(id) + len(text))
	}
	for _, id := range what.drop {
		next.lose(id)
	}
	return next
}

// lose takes a text out of a state that is being made.
func (s *listState) lose(id string) {
	if text, ok := s.texts[id]; ok {
		s.size -= int64(len(id) + len(text))
		delete(s.texts, id)
		delete(s.sums, id)
	}
}
