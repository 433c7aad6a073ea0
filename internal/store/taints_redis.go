package store

import (
	"context"
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

const taintsRun = "{taints}:run" // hash: the server's run, and when taints were lost last, in seconds

// lookTaintsText reads taints: KEYS the run, the taints; ARGV the server's run, and
// 1 from a gateway that has seen a run before. A server that has started again may
// have an older snapshot, and one without a run was flushed: then what was read
// before is unknown. It returns when that was, 0 for never, and each taint, empty
// for none.
const lookTaintsText = `
local run = redis.call('HGET', KEYS[1], 'run')
if run ~= ARGV[1] then
	local lost = '0'
	if run or ARGV[2] == '1' then
		lost = redis.call('TIME')[1]
	end
	redis.call('HSET', KEYS[1], 'run', ARGV[1], 'lost', lost)
end
local all = {redis.call('HGET', KEYS[1], 'lost') or '0'}
for i = 2, #KEYS do
	all[i] = redis.call('GET', KEYS[i]) or ''
end
return all`

// addTaintsText keeps taints: KEYS the taints; ARGV of each its end in milliseconds,
// in 13 digits, and its seal. One that ends later stays.
const addTaintsText = `
for i = 1, #KEYS do
	local until_ms, old = ARGV[2 * i - 1], redis.call('GET', KEYS[i])
	if not old or string.sub(old, 1, 13) < until_ms then
		redis.call('SET', KEYS[i], until_ms .. ARGV[2 * i], 'PXAT', until_ms)
	end
end
return 0`

// taintDigits are those of a time in milliseconds, from 2001 to 2286.
const taintDigits = 13

// taintsRedis keeps taints under names of their own, which end by themselves.
type taintsRedis struct {
	redis      *Redis
	looks, add *redis.Script
	met        atomic.Bool // the run was there, so that it must be
}

// OpenRedisTaints opens the taints in r. key is 32 random bytes that every gateway
// with the same Redis and prefix has, and nobody else.
func OpenRedisTaints(ctx context.Context, r *Redis, key [32]byte) (*Taints, error) {
	t, err := newTaints(&taintsRedis{redis: r, looks: redis.NewScript(lookTaintsText), add: redis.NewScript(addTaintsText)},
		key[:], taintSealing+" in redis at "+r.prefix)
	if err == nil {
		err = t.Healthy(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("opening taints: %w", err)
	}
	return t, nil
}

func (h *taintsRedis) name(id string) string { return h.redis.name("{taints}:" + id) }

func (h *taintsRedis) get(ctx context.Context, ids []string) ([]keptTaint, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	names := []string{h.redis.name(taintsRun)}
	for _, id := range ids {
		names = append(names, h.name(id))
	}
	met := "0"
	if h.met.Load() {
		met = "1"
	}
	texts, err := h.looks.Run(ctx, h.redis.client, names, *h.redis.run.Load(), met).StringSlice()
	if err != nil {
		return nil, time.Time{}, h.redis.fault("reading taints", err)
	}
	if len(texts) != len(names) {
		return nil, time.Time{}, fmt.Errorf("redis: %d answers instead of %d", len(texts), len(names))
	}
	h.met.Store(true)
	lost, err := strconv.ParseInt(texts[0], 10, 64)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("redis: when taints were lost is no time: %w", err)
	}
	var since time.Time
	if lost > 0 {
		since = time.Unix(lost, 0)
	}
	found, err := taintsOf(ids, texts[1:])
	return found, since, err
}

// taintsOf reads what was kept under each id.
func taintsOf(ids, texts []string) ([]keptTaint, error) {
	var found []keptTaint
	for i, text := range texts {
		if text == "" {
			continue
		}
		if len(text) < taintDigits || len(text) > maxTaintSize {
			return nil, fmt.Errorf("redis: taint %s is no record", ids[i])
		}
		until, err := strconv.ParseInt(text[:taintDigits], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("redis: taint %s has no end: %w", ids[i], err)
		}
		found = append(found, keptTaint{id: ids[i], until: until, sealed: text[taintDigits:]})
	}
	return found, nil
}

func (h *taintsRedis) put(ctx context.Context, records []keptTaint) error {
	if len(records) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	var names []string
	var args []any
	for _, r := range records {
		names = append(names, h.name(r.id))
		args = append(args, fmt.Sprintf("%0*d", taintDigits, r.until), r.sealed)
	}
	return h.redis.fault("keeping taints", h.add.Run(ctx, h.redis.client, names, args...).Err())
}

func (h *taintsRedis) drop(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	var names []string
	for _, id := range ids {
		names = append(names, h.name(id))
	}
	return h.redis.fault("forgetting taints", h.redis.client.Del(ctx, names...).Err())
}

func (h *taintsRedis) healthy(ctx context.Context) error {
	_, _, err := h.get(ctx, nil)
	return err
}
