package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"doorward/internal/gate"
)

// maxDrift bounds the difference between the clocks of a gateway and of Redis, in
// seconds: Redis ends nonces by its own, and a nonce outlasts its request by a
// window, usually 300 s.
const maxDrift = 30

// claimText makes the beginning of the memory when this run of the server has
// none: KEYS the beginning; ARGV our clock, maxDrift, the server's run. It returns
// how far the clocks are apart, in seconds. The beginning never goes back, and
// never expires.
const claimText = `
local now, ours, drift = tonumber(redis.call('TIME')[1]), tonumber(ARGV[1]), tonumber(ARGV[2])
if math.abs(now - ours) <= drift and redis.call('HGET', KEYS[1], 'run') ~= ARGV[3] then
	local at = math.max(now, ours, tonumber(redis.call('HGET', KEYS[1], 'at') or '0'))
	redis.call('HSET', KEYS[1], 'run', ARGV[3], 'at', string.format('%d', at))
end
return now - ours`

// useText uses one nonce: KEYS the beginning, the nonce; ARGV when it was made, in
// seconds and less ahead, when it ends, in milliseconds, our clock, maxDrift, the
// server's run. It returns 1 for a fresh one, 0 for any other, and -1 when there
// was no beginning: it was flushed.
const useText = `
local time = redis.call('TIME')
local now, at = tonumber(time[1]), redis.call('HGET', KEYS[1], 'at')
if not at then
	at = math.max(now, math.min(tonumber(ARGV[3]), now + tonumber(ARGV[4])))
	redis.call('HSET', KEYS[1], 'run', ARGV[5], 'at', string.format('%d', at))
	return -1
end
if tonumber(ARGV[1]) <= tonumber(at) or tonumber(ARGV[2]) <= now * 1000 + tonumber(time[2]) / 1000 then
	return 0
end
if redis.call('SET', KEYS[2], '1', 'NX', 'PXAT', ARGV[2]) then
	return 1
end
return 0`

const noncesBegan = "{nonces}:since"

// RedisNonces is the memory that several gateways share. It is safe for
// concurrent use. What bounds it is the maxmemory of the server, which refuses
// then and evicts nothing.
type RedisNonces struct {
	redis *Redis
	ahead int64 // seconds
	use   *redis.Script
}

// NewRedisNonces is the memory in r; it began when a gateway first met this run
// of the server.
func NewRedisNonces(r *Redis, ahead time.Duration) *RedisNonces {
	return &RedisNonces{redis: r, ahead: gate.WholeSeconds(ahead), use: redis.NewScript(useText)}
}

// Use takes note of a key until its end. fresh is false when it was used before,
// by any gateway, has ended, or was made no later than the memory began.
func (n *RedisNonces) Use(ctx context.Context, key string, made, until time.Time) (fresh bool, err error) {
	if err := checkNonce(key, made, until); err != nil {
		return false, err
	}
	now := time.Now()
	if !now.Before(until) {
		return false, nil
	}
	sum := sha256.Sum256([]byte(key))
	names := []string{n.redis.name(noncesBegan), n.redis.name("{nonces}:" + hex.EncodeToString(sum[:]))}
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	answer, err := n.use.Run(ctx, n.redis.client, names,
		made.Unix()-n.ahead, roundUp(until).UnixMilli(), now.Unix(), maxDrift, *n.redis.run.Load()).Int64()
	switch {
	case err != nil:
		return false, n.redis.fault("using a nonce", err)
	case answer == -1:
		n.redis.log.Error("redis has lost the nonces; what was signed before now is refused")
	}
	return answer == 1, nil
}

// Healthy tells whether the memory can take note of a nonce now.
func (n *RedisNonces) Healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	probe := n.redis.name("{nonces}:probe-" + rand.Text())
	return n.redis.fault("taking note of a nonce", n.redis.client.Set(ctx, probe, "1", time.Second).Err())
}

// claim begins the memory where this run of the server has none.
func (r *Redis) claim(ctx context.Context, cn *redis.Conn, run string) error {
	answer := cn.Eval(ctx, claimText, []string{r.name(noncesBegan)}, time.Now().Unix(), maxDrift, run)
	apart, err := answer.Int64()
	if err != nil {
		return fmt.Errorf("beginning the memory of nonces: %w", err)
	}
	if max(apart, -apart) > maxDrift {
		return errors.New("the clock of the server is " + strconv.FormatInt(apart, 10) + " s from ours")
	}
	return nil
}
