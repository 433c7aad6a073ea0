package audit

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/durable"
	"doorward/internal/gate"
)

// Durability says what a nil error of Intent, Outcome and Event promises.
type Durability uint8

// The durabilities (audit.durability). The zero value is the shipped default.
const (
	Process Durability = iota // survives the death of the process, kill -9 included
	Power                     // survives power loss: synced before the call returns
)

// The sentinels of Open.
var (
	ErrLocked   = errors.New("another process writes this audit log")
	ErrCutTail  = errors.New("the audit log ends before its checkpoint: records were removed")
	errClosed   = errors.New("the audit log is closed")
	errTooMany  = errors.New("too many records wait to be written")
	errSyncLost = errors.New("a sync failed; what the disk holds is unknown until a restart")
)

// Config is what a Log is made of. Dir and KeyFile are required.
type Config struct {
	Dir        string        // made with 0700 when missing
	KeyFile    string        // 32 random bytes, made with 0600 when missing: the key of what is kept of arguments
	Origin     string        // the log's name in checkpoints; empty: derived from the key
	Wait       time.Duration // how long Open waits for another process to leave the log
	Durability Durability
	Arguments  Arguments // what of a call's arguments is on record
	// Fields are rules for single arguments, by UPSTREAM/TOOL, or UPSTREAM/* for the
	// tools of an upstream without rules of their own. No path lies in another.
	Fields map[string][]Field
	// PlainIdentity leaves subject, address and agent readable in the records. They
	// are sealed unless it is set.
	PlainIdentity bool
	// SignerFile is the private key that signs checkpoints, made with 0600 when
	// missing. Empty: beside KeyFile, with the name of Dir and ".signer".
	SignerFile string
	// SegmentBytes is when a new segment begins. 0 is 64 MiB, so that one
	// fits any tool and a search skips most of a long log.
	SegmentBytes int64
	// CheckpointEvery is how often DIR/checkpoint follows the log. 0 is 10 s.
	CheckpointEvery time.Duration
	// Accept is set once, by an operator who has looked at what a LostError said.
	Accept *Acceptance
	// Written is told of the events that the log puts on record by itself, once they
	// are; it must not block and not write. nil: nobody is.
	Written func(gate.Event)
	Log     *slog.Logger // nil discards

	open func(dir string, n int, create bool) (segmentFile, error) // tests
	step func(name string)                                         // tests: told how far Prune is

	every uint64 // tests: after how many records a mark is kept; 0: markEvery
}

const (
	defaultSegment    = 64 << 20
	defaultCheckpoint = 10 * time.Second
	keySize           = 32
	minSegment        = 4 << 10
)

// Log writes the audit log. It is a gate.Recorder, safe for concurrent use.
type Log struct {
	cfg    Config
	origin string
	lock   *os.File
	people *subjects
	pool   sync.Pool // of *entry
	writer writer    // the leader's alone
	points failpoints

	marking sync.Mutex // for whoever makes a checkpoint or replaces the key
	tree    *tree
	signer  signer
	signed  string // public key of the checkpoint in the file, since Open
	marked  uint64 // the record of the mark in the file of keys; 0: there is none

	pruning sync.Mutex // for Prune

	mu    sync.Mutex
	queue []*entry // waiting for a leader, at most maxQueue
	bytes int      // of the lines in queue, at most maxQueued
	busy  bool     // somebody leads
	stop  bool     // closed for new records
	fatal error    // for good
	bad   error    // since the last record that was written
	lapse error    // why records were refused since audit.resumed was last on record; nil: none was
	// hidden is why the segment cannot be looked at: nothing is written meanwhile.
	hidden error
	saved  Checkpoint
	state  state
	holds  map[string]bool // legal holds that last, by what is on record
	idle   chan struct{}   // closed by the last leader after stop
	quit   chan struct{}
	done   chan struct{} // the keeper has ended

	accepted []Lost          // by Config.Accept, at Open
	made     []string        // files of keys in place of lost ones, until that is on record
	self     [blindSize]byte // what the installation's key says of itself

	owed    Owed         // as it was at Open
	used    atomic.Int64 // how full the disk is, in percent
	began   time.Time    // of this process, what writing counts from: the clock may be set
	writing atomic.Int64 // when the write in flight began, ns since then; 0: none
	silent  time.Duration
}

// state is how far the log has come.
type state struct {
	seq     uint64
	head    [32]byte
	segment int
	off     int64
	file    segmentFile
	records uint64 // since Open
	bytes   uint64 // since Open
}

// Open takes the log's lock, repairs a last record that a crash cut short (and
// says so on record), continues the chain and begins with a start record. Only
// the tail is read; Verify reads all. ErrLocked means that another process has
// it, ErrCutTail that records which the checkpoint covers are gone.
func Open(cfg Config) (*Log, error) {
	if cfg.Dir == "" || cfg.KeyFile == "" {
		return nil, errors.New("audit: a directory and a key file are required")
	}
	if cfg.SegmentBytes == 0 {
		cfg.SegmentBytes = defaultSegment
	}
	cfg.SegmentBytes = max(cfg.SegmentBytes, minSegment)
	if cfg.CheckpointEvery <= 0 {
		cfg.CheckpointEvery = defaultCheckpoint
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.SignerFile == "" {
		cfg.SignerFile = keyBase(cfg.Dir, cfg.KeyFile) + ".signer"
	}
	if cfg.open == nil {
		cfg.open = openSegment
	}
	if cfg.every == 0 {
		cfg.every = markEvery
	}
	points := armed(&cfg)
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening audit log: %w", err)
	}
	if err := keeps(cfg.Dir); err != nil {
		return nil, fmt.Errorf("opening audit log %s: %w", cfg.Dir, err)
	}
	if err := durable.SyncDir(filepath.Dir(filepath.Clean(cfg.Dir))); err != nil {
		return nil, fmt.Errorf("opening audit log: %w", err)
	}
	lock, err := lockDir(filepath.Join(cfg.Dir, lockName), cfg.Wait)
	if err != nil {
		return nil, fmt.Errorf("opening audit log %s: %w", cfg.Dir, err)
	}
	durable.Drop(cfg.Dir, checkpointName)
	durable.Drop(cfg.Dir, segmentPrefix+"*"+segmentSuffix)
	l, err := start(cfg, lock, points)
	if err != nil {
		lock.Close()
		return nil, fmt.Errorf("opening audit log %s: %w", cfg.Dir, err)
	}
	return l, nil
}

func start(cfg Config, lock *os.File, points failpoints) (_ *Log, err error) {
	l := &Log{
		cfg: cfg, lock: lock, origin: cfg.Origin, points: points, began: time.Now(),
		idle: make(chan struct{}), quit: make(chan struct{}), done: make(chan struct{}),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.unmake())
		}
	}()
	key, pending, err := l.openKeys()
	if err != nil {
		return nil, err
	}
	rules, err := readFields(cfg.Fields)
	if err != nil {
		return nil, err
	}
	l.self = selfOf(key)
	l.pool.New = func() any {
		return newEntry(keeper{how: cfg.Arguments, rules: rules, key: key, mac: hmac.New(sha256.New, key), note: identity{plain: cfg.PlainIdentity, subjects: l.people}})
	}
	l.writer = writer{cfg: &l.cfg, origin: l.origin, began: l.began, writing: &l.writing, points: points}
	repaired, err := l.writer.resume(l.saved)
	if err != nil {
		return nil, err
	}
	l.state = l.writer.state
	if last := l.writer.last; !last.IsZero() {
		l.silent = time.Since(last)
	}
	if l.people, err = openSubjects(keyBase(cfg.Dir, cfg.KeyFile)); err != nil {
		l.writer.state.file.Close()
		return nil, err
	}
	if err := l.begin(repaired, pending); err != nil {
		return nil, errors.Join(err, l.writer.state.file.Close(), l.people.close())
	}
	go l.keep()
	return l, nil
}

// openKeys reads the keys of a log and the checkpoint that it is held against, and makes
// those keys of a new one. What a log with a past has lost is not made anew unasked.
func (l *Log) openKeys() (key []byte, pending string, err error) {
	past, err := begun(l.cfg.Dir)
	if err != nil {
		return nil, "", err
	}
	if _, err := os.Lstat(l.cfg.KeyFile); past && isNotExist(err) {
		if err := l.lost(LostArguments, "%s is gone: what it sealed cannot be read, and digests of arguments made from now on compare with none before", l.cfg.KeyFile); err != nil {
			return nil, "", err
		}
		l.made = append(l.made, l.cfg.KeyFile)
	}
	if key, err = installationKey(l.cfg.KeyFile); err != nil {
		return nil, "", err
	}
	if l.origin == "" {
		l.origin = originOf(l.cfg.Dir, key)
	}
	unsigned := false
	if _, err := os.Lstat(l.cfg.SignerFile); isNotExist(err) {
		before, err := signedBefore(l.cfg.Dir)
		if err == nil && before {
			err = l.lost(LostSigner, "%s is gone: no other key is known to whoever verifies the log", l.cfg.SignerFile)
		}
		if err != nil {
			return nil, "", err
		}
		if before {
			l.made = append(l.made, l.cfg.SignerFile)
		}
		unsigned = !before
	}
	if l.signer, pending, err = openSigner(l.cfg.SignerFile, l.origin); err != nil {
		return nil, "", err
	}
	return key, pending, l.believe(pending, unsigned)
}

// originOf names a log: several of one installation have names of their own.
func originOf(dir string, key []byte) string {
	mac := hmac.New(sha256.New, key)
	_, _ = io.WriteString(mac, "doorward audit origin")
	name := "doorward/" + hex.EncodeToString(mac.Sum(nil)[:8])
	if base := filepath.Base(filepath.Clean(dir)); strings.HasPrefix(base, "audit-") {
		name += strings.TrimPrefix(base, "audit")
	}
	return name
}

// selfOf is by what a key is known again.
func selfOf(key []byte) (out [blindSize]byte) {
	mac := hmac.New(sha256.New, key)
	_, _ = io.WriteString(mac, "doorward audit self")
	copy(out[:], mac.Sum(nil))
	return out
}

// begin opens the tree and reads what was written since the last checkpoint, greets,
// and finishes the replacement of a key that was begun. A log that has no checkpoint gets
// one, so that there is one from its first record on: see hole.
func (l *Log) begin(repaired int64, pending string) (err error) {
	ctx := context.Background()
	if l.tree, err = openTree(ctx, l.cfg.Dir, l.saved); err != nil {
		return err
	}
	if err = l.recall(ctx); err == nil {
		err = l.tree.extend(ctx, l.state.seq)
	}
	if err == nil {
		err = l.account(ctx)
	}
	if err == nil {
		l.recalled()
		err = l.reerase()
	}
	if err == nil {
		err = l.greet(repaired)
	}
	if err == nil {
		err = l.admit()
	}
	if err == nil && pending != "" {
		err = l.adopt(ctx, pending)
	}
	if len(l.accepted) > 0 {
		l.tree.said.news = true // so that a mark tells of what is there now
	}
	if err == nil && (l.saved.Note == "" || len(l.accepted) > 0 || l.tree.size-l.marked >= l.cfg.every) {
		err = l.checkpoint(ctx)
	}
	if err != nil {
		return errors.Join(err, l.tree.close())
	}
	return nil
}

// greet writes the first records of this process.
func (l *Log) greet(repaired int64) error {
	ctx := context.Background()
	err := l.write(ctx, func(e *entry) error {
		r := &e.rec
		r.Kind, r.Event, r.Format, r.Origin = KindStart, startProcess, Format, clip(l.origin, maxShort)
		r.Signer = l.signer.public
		return nil
	})
	if err != nil || repaired == 0 {
		return err
	}
	l.cfg.Log.Warn("audit log repaired", "dropped_bytes", repaired)
	return l.own(ctx, gate.Event{
		Kind: "audit.repaired", Actor: "doorward", Status: "ok",
		Detail: fmt.Sprintf("dropped %d bytes that a crash left at the end", repaired),
	})
}

// installationKey reads the key of this installation, or makes it.
func installationKey(path string) ([]byte, error) {
	key, err := readKey(path)
	if isNotExist(err) {
		return newKey(path)
	}
	return key, err
}

func readKey(path string) ([]byte, error) {
	f, err := durable.Open(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	key, err := io.ReadAll(io.LimitReader(f, keySize+1))
	if err != nil {
		return nil, err
	}
	if len(key) != keySize {
		return nil, fmt.Errorf("key file %s does not hold %d bytes", path, keySize)
	}
	return key, nil
}

func newKey(path string) ([]byte, error) {
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	return key, durable.Replace(path, key)
}

// Named is what Open calls the log of a Config, which it was called before.
func (c *Config) Named() (string, error) {
	if c.Origin != "" {
		return c.Origin, nil
	}
	key, err := readKey(c.KeyFile)
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", c.KeyFile, err)
	}
	return originOf(c.Dir, key), nil
}

// Origin is the log's name, in its start records and checkpoints.
func (l *Log) Origin() string { return l.origin }

// Intent records that a call is about to go upstream. When it returns nil the
// record is as durable as configured; otherwise the call must not go.
func (l *Log) Intent(ctx context.Context, ex *gate.Exchange) error {
	l.points.pass(pointBeforeIntent)
	err := l.write(ctx, func(e *entry) error {
		e.rec.Kind = KindIntent
		return e.fill(ex, false)
	})
	if err == nil {
		l.points.pass(pointBeforeForward)
	}
	return err
}

// Outcome records how an exchange ended. When it returns an error no answer
// may leave.
func (l *Log) Outcome(ctx context.Context, ex *gate.Exchange, out gate.Outcome) error {
	if out.Intent {
		l.points.pass(pointAnswered)
	}
	err := l.write(ctx, func(e *entry) error {
		e.rec.Kind = KindOutcome
		err := e.fill(ex, out.Intent)
		e.rec.end(ex, out, e.rec.Time)
		e.timed(ex)
		return err
	})
	if err == nil && out.Intent {
		l.points.pass(pointBeforeAnswer)
	}
	return err
}

// Event records what is no exchange.
func (l *Log) Event(ctx context.Context, ev gate.Event) error {
	err := l.write(ctx, func(e *entry) error {
		e.rec.Kind = KindEvent
		e.rec.event(ev)
		e.note.begin(ev.Principal)
		if ev.Principal != nil {
			e.rec.Principal = principal(ev.Principal)
		}
		e.rec.Remote = ev.Remote.Unmap().WithZone("")
		if err := e.note.seal(&e.rec); err != nil {
			return err
		}
		return e.say(ev.Said)
	})
	if err == nil {
		l.held(&ev)
	}
	return err
}

// own records what the log itself has to say.
func (l *Log) own(ctx context.Context, ev gate.Event) error {
	err := l.Event(ctx, ev)
	if err == nil && l.cfg.Written != nil {
		l.cfg.Written(ev)
	}
	return err
}

// Silent is how old the last record was when the log was opened; zero for a new log. A
// long time may mean that the clock is wrong.
func (l *Log) Silent() time.Duration { return l.silent }

// Dir is the log's directory, as Open was told.
func (l *Log) Dir() string { return l.cfg.Dir }

// Close refuses further records, waits for those that wait, and leaves a
// checkpoint that covers everything. A second call returns nil.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.stop {
		l.mu.Unlock()
		return nil
	}
	l.stop = true
	if !l.busy {
		close(l.idle)
	}
	l.mu.Unlock()
	close(l.quit)
	<-l.idle
	<-l.done
	err := l.checkpoint(context.Background())
	if err == nil {
		l.marking.Lock()
		err = l.remember(l.saved.Size, 1) // an older checkpoint that is put back is known by it
		l.marking.Unlock()
	}
	return errors.Join(err, l.writer.state.file.Close(), l.tree.close(), l.people.close(), l.lock.Close())
}
