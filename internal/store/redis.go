package store

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// The bounds of talking to Redis. A request waits for at most callWithin; what
// is not answered by then is an error, and nothing is tried twice: a SET that was
// done and whose answer was lost must not look like a replay.
const (
	redisWithin   = time.Second // each of dialing, reading, writing and waiting for a connection
	callWithin    = 2 * time.Second
	redisConns    = 32
	redisConnLife = 5 * time.Minute // after which a connection is made, and the server looked at, anew
)

// RedisConfig is what Redis is made of.
type RedisConfig struct {
	// URL is redis://user:password@host:port/database, or rediss:// for TLS. Plain
	// redis:// is for loopback: elsewhere it would show the password, and let anyone
	// on the way answer that a nonce is fresh; ?insecure=true says that the network
	// is trusted with that.
	URL    string
	Prefix string       // of all names; empty is "doorward:"
	TLS    *tls.Config  // for rediss://; nil takes the system's roots
	Log    *slog.Logger // nil discards
}

// Redis is the connection to what several gateways share: one server, Redis 6.2
// or newer or Valkey, that evicts nothing. Each new connection looks at the server
// first. A replica that takes over, or a server that starts again from an older
// snapshot, is another run: the memory of nonces begins anew with it, lost
// revocations are published again, and approvals that were not used yet lapse. Two servers that both take writes (a split
// brain) are two memories: min-replicas-to-write keeps that from happening. So are
// one that is made a replica and a master again while its clients stay connected.
//
// Its user needs INFO, TIME, GET, SET, HGET, HSET, HDEL, HLEN, HSCAN, EVAL and EVALSHA.
type Redis struct {
	client *redis.Client
	prefix string
	secret string // the password, which no error may quote
	log    *slog.Logger
	run    atomic.Pointer[string] // the run_id of the server of the newest connection
	warned sync.Once
}

// OpenRedis connects, and looks at the server.
func OpenRedis(ctx context.Context, cfg RedisConfig) (*Redis, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	target, err := parseRedisURL(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("opening redis: %w", err)
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "doorward:"
	}
	if err := checkPrefix(cfg.Prefix); err != nil {
		return nil, fmt.Errorf("opening redis: %w", err)
	}
	secure, err := target.secure(cfg.TLS)
	if err != nil {
		return nil, fmt.Errorf("opening redis: %w", err)
	}
	if target.exposed {
		cfg.Log.Warn("redis is not encrypted: its password and what it answers are the network's", "address", target.address)
	}
	logging.Disable() // the library's log is the whole process's and unstructured; its errors come back as errors
	r := &Redis{prefix: cfg.Prefix, secret: target.password, log: cfg.Log}
	options := &redis.Options{
		Addr: target.address, Username: target.user, Password: target.password, DB: target.database, TLSConfig: secure,
		OnConnect: r.meet, Protocol: 2, DisableIdentity: true, ContextTimeoutEnabled: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		MaxRetries:               -1, DialerRetries: 1,
		DialTimeout: redisWithin, ReadTimeout: redisWithin, WriteTimeout: redisWithin, PoolTimeout: redisWithin,
		PoolSize: redisConns, MaxActiveConns: redisConns, PipelinePoolSize: -1, ConnMaxLifetime: redisConnLife,
	}
	options.Dialer = bounded(redis.NewDialer(options))
	r.client = redis.NewClient(options)
	if err := r.Healthy(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening %w", err), r.client.Close())
	}
	return r, nil
}

// Healthy tells whether the server answers.
func (r *Redis) Healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	return r.fault("asking", r.client.Ping(ctx).Err())
}

// Close ends the connections. What uses them is closed before.
func (r *Redis) Close() error { return r.client.Close() }

// meet looks at the server at the other end of a new connection. The library
// shows what is below the outermost error alone.
func (r *Redis) meet(ctx context.Context, cn *redis.Conn) error {
	if err := r.examine(ctx, cn); err != nil {
		return fmt.Errorf("meeting the server: %w", err)
	}
	return nil
}

// examine refuses a server that could forget or that is not where the state is.
func (r *Redis) examine(ctx context.Context, cn *redis.Conn) error {
	text, err := cn.Info(ctx).Result()
	if err != nil {
		return fmt.Errorf("INFO, which tells whether the server may forget: %w", err)
	}
	info := parseInfo(text)
	if err := info.fit(); err != nil {
		return err
	}
	run := info["run_id"]
	if err := r.claim(ctx, cn, run); err != nil {
		return err
	}
	if err := r.claimApprovals(ctx, cn, run); err != nil {
		return err
	}
	r.run.Store(&run)
	if info["aof_enabled"] == "0" {
		r.warned.Do(func() {
			r.log.Warn("redis writes no append-only file; when it and every gateway end, revocations since its last snapshot are lost")
		})
	}
	return nil
}

func (r *Redis) name(suffix string) string { return r.prefix + suffix }

// fault is err without the password, which a server's answer may quote.
func (r *Redis) fault(doing string, err error) error {
	if err == nil {
		return nil
	}
	if r.secret != "" && strings.Contains(err.Error(), r.secret) {
		err = errors.New("the error quotes the password and is not shown")
	}
	return fmt.Errorf("redis: %s: %w", doing, err)
}
