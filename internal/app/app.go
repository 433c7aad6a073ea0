// Package app is the composition root: it turns a configuration into a running
// gateway. It alone knows every other package; cli, demo and drill call it, and
// nothing else does.
//
// What a reload may change lives in an immutable snapshot behind one atomic
// pointer; an exchange uses one snapshot from its first byte to its last.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"doorward/internal/anchor"
	"doorward/internal/approve"
	"doorward/internal/audit"
	"doorward/internal/ceiling"
	"doorward/internal/collector"
	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/inspect"
	"doorward/internal/listen"
	"doorward/internal/lock"
	"doorward/internal/monitor"
	"doorward/internal/monitor/delivery"
	"doorward/internal/secret"
	"doorward/internal/secret/vault"
	"doorward/internal/sink"
	"doorward/internal/store"
	"doorward/internal/telemetry"
	"doorward/internal/upstream"
	"doorward/internal/validate"
	"doorward/internal/webhook"
)

// Options is what a gateway is made of. Config and Log are required.
type Options struct {
	Config  *config.Config
	Path    string // of the configuration file, for reloads; empty: none
	Version string
	Built   time.Time // of the commit that this program is; zero: not known
	Log     *slog.Logger
	Journal *telemetry.Journal // what Log writes to, for its level; nil: the level stays as it is
	// Environment is the process's own; child processes get a few harmless
	// variables of it (see upstream.Config).
	Environment []string
	// Supervised says that this binary becomes the supervisor of a command or process 1 of
	// a sandbox when it is started as one (cmd/doorward does), so that commands can run there.
	Supervised bool
	// Wait is how long New waits for another process to leave the data_dir: a command that
	// works on its files for a moment, or a gateway that ends.
	Wait time.Duration
	// Beside lets this process run beside others on the same data_dir, each
	// with an audit log of its own (AuditDirs): every stdio client starts one.
	Beside bool
}

// App is a gateway: opened by New, run by Serve or ServeStdio, or used as an
// admin.Operator on its files alone. Close ends it in every case.
type App struct {
	Options
	started  time.Time
	metrics  *telemetry.Metrics
	traces   *telemetry.Traces    // nil: none are sent; begin sets it before it serves
	push     *telemetry.Push      // nil: metrics are not sent
	otlp     *collector.Collector // of both; nil without
	audit    *audit.Log
	trail    trail  // what everybody but the monitor writes to it through
	logDir   string // of audit
	sinks    atomic.Pointer[sink.Set]
	anchors  atomic.Pointer[anchor.Keeper]
	network  bool // clients come over the network; Serve sets it before it serves
	primary  bool // the first on its data_dir: the one with the admin socket
	keys     *store.Keys
	pins     *lock.Pins
	pool     *upstream.Pool
	egress   *ways
	builtins builtins // the upstreams that are servers of this process
	clients  clients
	schemas  *validate.Stage // one for all snapshots: it keeps what it compiled
	approve  *approve.Stage  // one for all snapshots
	notices  *webhook.Sender

	ages     *store.Ages
	kept     *store.Secrets
	vault    *vault.Client  // nil: there is none
	transit  *vault.Transit // the root key of kept; nil: it is here
	places   secret.Places  // one for all snapshots: it remembers what was replaced
	monitor  *monitor.Monitor
	delivery *delivery.Deliverer

	front   *listen.Server
	ceiling *ceiling.Ceiling
	current atomic.Pointer[snapshot]
	meter   meter

	underway  underway
	loud      loudness
	responder responder
	indexing  indexing
	shown     shown
	offered   offered
	shared    shared

	canaries canaries
	held     *store.Holds
	pieces   *inspect.Memory // one for all snapshots

	reloading sync.Mutex // one reload at a time
	url       atomic.Pointer[string]
	ready     atomic.Bool
	stopping  atomic.Bool
	readiness readiness
	background
}

// background owns the goroutines that live as long as the App.
type background struct {
	ctx    context.Context //nolint:containedctx // ends the owned goroutines at Close
	cancel context.CancelFunc
	wg     sync.WaitGroup
	closed sync.Once
	err    error
}

// New opens everything that the gateway keeps: the audit log first, so that
// what follows is on record. It fails, and leaves nothing open, when any of it
// cannot be had.
func New(o Options) (_ *App, err error) {
	if o.Config == nil || o.Log == nil {
		return nil, errors.New("app: config and log are required")
	}
	if now := time.Now(); now.Before(o.Built) {
		// Nothing that expires could be judged (security case ADM-02).
		return nil, fmt.Errorf("the clock says %s, and this program was built later, at %s: set the clock", now.UTC().Format(time.RFC3339), o.Built.UTC().Format(time.RFC3339))
	}
	a := &App{Options: o, started: time.Now(), metrics: telemetry.New(o.Version), schemas: validate.New(o.Log), ceiling: ceiling.New(most(o.Config, space()))}
	a.loud.changed = make(chan struct{}, 1)
	a.ctx, a.cancel = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	dir := o.Config.DataDir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("making data_dir: %w", err)
	}
	if err := private(dir); err != nil {
		return nil, err
	}
	a.trail.counted = a.counted
	a.held = store.NewHolds(dir)
	if err := a.openAudit(dir); err != nil {
		return nil, opening("audit log", err)
	}
	a.shared.wrote = a.ledger()
	if err := a.openMonitor(dir); err != nil {
		return nil, opening("monitor", err)
	}
	if err := a.openSecrets(dir); err != nil {
		return nil, opening("secrets", err)
	}
	if err := a.openAges(dir); err != nil {
		return nil, opening("ages of secrets", err)
	}
	if a.keys, err = store.Open(store.Config{Dir: dir, Ledger: a.shared.wrote, Log: o.Log}); err != nil {
		return nil, opening("API keys", err)
	}
	if err := a.canaries.open(dir); err != nil {
		return nil, opening("canaries", err)
	}
	a.pieces = inspect.NewMemory()
	a.shared.dir, a.shared.log, a.shared.owed = dir, o.Log, a.audit.Owed()
	if err := a.openPins(dir); err != nil {
		return nil, opening("doorward.lock", err)
	}
	if err := a.openTransports(dir); err != nil {
		return nil, err
	}
	a.own(func() { a.pins.Run(a.ctx) })
	if o.Journal != nil {
		a.own(func() { o.Journal.Run(a.ctx) })
		a.own(func() { a.keepQuiet(a.ctx) })
	}
	a.gauges()
	return a, nil
}

// openTransports makes the two ends of the line and the line between them.
func (a *App) openTransports(dir string) error {
	key, err := a.sharedKey(dir)
	if err != nil {
		return opening("state key", err)
	}
	upstreams, err := settings(a.Config, a.Path)
	if err != nil {
		return opening("upstreams", err)
	}
	a.builtins.only(a.builtins.attach(a, upstreams))
	a.egress = &ways{record: a.trail.Event, log: a.Log}
	a.pool, err = upstream.New(upstream.Config{
		Upstreams: upstreams, Pins: a.pins, Events: a.trail.Event, Seen: a.seen,
		Unsolicited: a.unsolicited, Open: a.open, Serves: a.servesTenant, MayRead: a.mayRead, Live: a.live, Secret: a.secretFor, Lend: a.lend, Instead: a.insteadOf, BlockLeaks: a.blocksLeaks, StateKey: key, Owner: owner(a.Config),
		Environment: a.Environment, Supervised: a.Supervised, Egress: a.egress.serve, Log: a.Log, Version: a.Version, Meter: a.metrics, Queues: a.metrics, Ceiling: a.ceiling, Propagation: propagation(&a.Config.Telemetry),
	})
	if err != nil {
		return opening("upstreams", err)
	}
	if a.shared.key, err = derived(key, forApprovals); err != nil {
		return opening("approvals", err)
	}
	if a.shared.incidentKey, err = derived(key, forIncidents); err != nil {
		return opening("incidents", err)
	}
	sessionKey, err := derived(key, forSessions)
	if err != nil {
		return opening("sessions", err)
	}
	a.shared.stands = a.stands
	a.approve = approve.New(approvals{&a.shared}, a.pool, &a.shared, judges{a})
	if a.notices, err = webhook.New(webhook.Config{Target: a.receiver, Record: a.trail.Event, Log: a.Log}); err != nil {
		return opening("notices", err)
	}
	a.shared.waiting = a.asked
	a.front, err = listen.New(listen.Config{
		Serve:         a.serveExchange,
		Settings:      func() *listen.Settings { return a.current.Load().front },
		SessionClosed: a.pool.CloseSession,
		SessionKey:    sessionKey,
		Replicas:      a.replicas(),
		Moves:         a.moves,
		Live:          a.live,
		Record:        a.trail.Event,
		Ready:         a.serves,
		Limits:        listen.Limits{Drain: time.Duration(a.Config.Listen.Stop.Grace), Connections: connections(descriptors())},
		Approvals:     deciders{a},
		Ceiling:       a.ceiling,
		ProxyProtocol: a.Config.Listen.ProxyProtocol,
		Log:           a.Log, Meter: &a.meter,
	})
	if err != nil {
		return opening("front", err)
	}
	snap, err := a.snapshot(a.Config, false)
	if err != nil {
		return err
	}
	a.current.Store(snap)
	return nil
}

// seen takes note of a catalogue that was read, for review.
func (a *App) seen(items []gate.Item) { a.pins.Observe(items) }

// serveExchange walks one exchange along the line of the current snapshot.
func (a *App) serveExchange(ctx context.Context, ex *gate.Exchange, client gate.Client) {
	a.current.Load().line.Serve(ctx, ex, client)
}

func opening(what string, err error) error { return fmt.Errorf("opening %s: %w", what, err) }

// own runs f in a goroutine that Close waits for; f ends when a.ctx does.
func (b *background) own(f func()) {
	b.wg.Go(f)
}

// closing is how long Close waits for what is not calls of clients: requests to upstreams
// that nobody waits for any more, the operator's own.
const closing = 10 * time.Second

// Close ends the gateway: clients first, then upstreams, the audit log last, so
// that every outcome is still on record. A second call returns the same error.
func (a *App) Close() error {
	a.closed.Do(func() {
		a.stopping.Store(true)
		a.ready.Store(false)
		var errs []error
		if a.front != nil {
			ctx, cancel := context.WithTimeout(context.Background(), time.Duration(a.Config.Listen.Stop.Grace))
			errs = append(errs, a.front.Shutdown(ctx))
			cancel()
		}
		ctx, cancel := context.WithTimeout(context.Background(), closing)
		defer cancel()
		if a.pool != nil {
			errs = append(errs, a.pool.Close(ctx))
		}
		a.builtins.close()
		a.cancel()
		a.wg.Wait()
		a.closeTelemetry()
		if set := a.sinks.Load(); set != nil {
			last, done := context.WithTimeout(context.Background(), drained)
			set.Close(last)
			done()
		}
		if k := a.anchors.Load(); k != nil {
			last, done := context.WithTimeout(context.Background(), lastCheckpoint)
			k.Close(last)
			done()
		}
		if snap := a.current.Load(); snap != nil && snap.tokens != nil {
			errs = append(errs, snap.tokens.Close())
		}
		a.clients.only(nil)
		errs = append(errs, a.shared.close(), a.leaveVault())
		if a.keys != nil {
			errs = append(errs, a.keys.Close())
		}
		if a.audit != nil {
			errs = append(errs, a.audit.Close())
		}
		a.err = errors.Join(errs...)
	})
	return a.err
}

// private refuses a data directory that others may enter: it holds keys.
func private(dir string) error {
	st, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("looking at data_dir: %w", err)
	}
	const others = 0o077
	if st.Mode().Perm()&others != 0 {
		return fmt.Errorf("data_dir %s is open to other users (mode %04o): chmod 700 it", dir, st.Mode().Perm())
	}
	return nil
}
