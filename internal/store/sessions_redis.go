package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// useSessionText asks about one session: KEYS its entry; ARGV for how long it is kept from now, in
// milliseconds, our name, and 1 to have it alone. It returns 1 when it may be served by us, and 0
// when it is unknown or another gateway has it alone.
const useSessionText = `
local held = redis.call('GET', KEYS[1])
if not held or held ~= '-' and held ~= ARGV[2] then
	return 0
end
if ARGV[3] == '1' then
	held = ARGV[2]
end
redis.call('SET', KEYS[1], held, 'PX', ARGV[1])
return 1`

// anybodys stands in an entry of a session that anybody may serve; else the name of the process does
// that has it alone.
const anybodys = "-"

// RedisSessions is what gateways know of each other's sessions: that an id is one of a session which
// has not ended, and which gateway serves it alone where that matters. It is no copy of the session,
// and holds of the id a hash. An entry ends by itself; a server that lost its memory knows no
// session, so that clients begin anew. It is safe for concurrent use.
type RedisSessions struct {
	redis *Redis
	own   string // name of this process
	use   *redis.Script
}

// NewRedisSessions is what is known in r, under a name of its own for this process.
func NewRedisSessions(r *Redis) *RedisSessions {
	return &RedisSessions{redis: r, own: rand.Text(), use: redis.NewScript(useSessionText)}
}

// Begin makes an id known for a time from now.
func (s *RedisSessions) Begin(ctx context.Context, id string, keep time.Duration) error {
	if err := checkKeep(id, keep); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	return s.redis.fault("beginning a session", s.redis.client.Set(ctx, s.entry(id), anybodys, keep).Err())
}

// Use tells whether this process may serve the session with an id, and keeps it known for a time from
// now if so. With alone no other process may from then on.
func (s *RedisSessions) Use(ctx context.Context, id string, keep time.Duration, alone bool) (bool, error) {
	if err := checkKeep(id, keep); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	answer, err := s.use.Run(ctx, s.redis.client, []string{s.entry(id)}, keep.Milliseconds(), s.own, alone).Int64()
	return answer == 1, s.redis.fault("asking about a session", err)
}

// End makes an id unknown, which nobody may serve.
func (s *RedisSessions) End(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	return s.redis.fault("ending a session", s.redis.client.Del(ctx, s.entry(id)).Err())
}

// entry is where an id is kept, under its SHA-256.
func (s *RedisSessions) entry(id string) string {
	sum := sha256.Sum256([]byte(id))
	return s.redis.name("{sessions}:" + hex.EncodeToString(sum[:]))
}

// checkKeep finds the faults of a caller.
func checkKeep(id string, keep time.Duration) error {
	if id == "" || keep < time.Millisecond {
		return errors.New("keeping a session: it has no id, or no time")
	}
	return nil
}
