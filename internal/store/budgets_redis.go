package store

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"doorward/internal/gate"
)

const (
	budgetNaming = "doorward limits names v1"
	budgetPrefix = "{limits}:"

	// A decision waits for at most askWithin. After that the gateway decides by itself,
	// and asks again every askAgain, with one decision: the others do not wait.
	askWithin = time.Second
	askAgain  = time.Second
)

// decideText decides about budgets, by the clock of the server: KEYS the budgets; ARGV
// what to do (take, spend, look) and of each budget the most, the width of a part of its
// span in milliseconds and the cost. What was taken is kept as pairs of a part, counted
// from the epoch, and an amount; what counts, and for how long, is as in cell. A part in
// the future, of a clock that went back, counts as the one that is under way. It returns
// 1 or 0 for whether the costs were there, and of each budget what is left, and the
// milliseconds until the cost is there and until more is left.
const decideText = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local parts, ok, all = 20, 1, {}
for i = 1, #KEYS do
	local b = {most = tonumber(ARGV[3 * i - 1]), width = tonumber(ARGV[3 * i]), cost = tonumber(ARGV[3 * i + 1]), total = 0, taken = {}, wait = 0}
	b.slot = math.floor(now / b.width)
	for slot, n in string.gmatch(redis.call('GET', KEYS[i]) or '', '(%d+) (%d+)') do
		slot, n = math.min(tonumber(slot), b.slot), tonumber(n)
		if slot >= b.slot - parts then
			b.taken[slot] = (b.taken[slot] or 0) + n
			b.total = b.total + n
		end
	end
	b.until_freed = function(n)
		for slot = b.slot - parts, b.slot do
			n = n - (b.taken[slot] or 0)
			if n <= 0 then
				return (slot + parts + 1) * b.width - now
			end
		end
		return (parts + 1) * b.width
	end
	if ARGV[1] == 'take' and b.cost > 0 and b.total + b.cost > b.most then
		ok = 0
		b.wait = b.cost > b.most and parts * b.width or b.until_freed(b.total + b.cost - b.most)
	end
	all[i] = b
end
local out = {ok}
for i = 1, #KEYS do
	local b = all[i]
	if b.cost > 0 and (ARGV[1] == 'spend' or ARGV[1] == 'take' and ok == 1) then
		b.taken[b.slot] = (b.taken[b.slot] or 0) + b.cost
		b.total = b.total + b.cost
		local text = {}
		for slot, n in pairs(b.taken) do
			text[#text + 1] = string.format('%.0f %.0f', slot, n)
		end
		redis.call('SET', KEYS[i], table.concat(text, ' '), 'PX', (parts + 1) * b.width)
	end
	out[#out + 1] = math.max(b.most - b.total, 0)
	out[#out + 1] = b.wait
	out[#out + 1] = b.total > 0 and b.until_freed(1) or 0
end
return out`

// RedisBudgets keeps the budgets that several gateways share, under keyed hashes. While
// the server does not answer, this gateway gives out a part of each by itself, or
// refuses; never more. It is safe for concurrent use.
type RedisBudgets struct {
	redis  *Redis
	blind  blinder // who called cannot be read in the server
	decide *redis.Script
	local  *MemoryBudgets // while the server is away
	spent  *spentBudgets

	refuse atomic.Bool  // rather than decide alone
	part   atomic.Int64 // of each budget that this gateway gives out alone, in thousandths
	away   atomic.Int64 // Unix nanoseconds of the next try; 0: the server answers
	alone  atomic.Int64 // decisions made alone
}

// OpenRedisBudgets opens the budgets in r. key is 32 random bytes that every gateway with
// the same Redis and prefix has, and nobody else.
func OpenRedisBudgets(ctx context.Context, r *Redis, key [32]byte) (*RedisBudgets, error) {
	blind, err := newBlinder(key[:], budgetNaming)
	if err != nil {
		return nil, fmt.Errorf("opening budgets: %w", err)
	}
	b := &RedisBudgets{redis: r, blind: blind, decide: redis.NewScript(decideText), local: NewMemoryBudgets(), spent: newSpentBudgets()}
	b.refuse.Store(true) // until Fallback says otherwise
	if _, err := b.ask(ctx, "look", []gate.Budget{{Limit: "probe", Per: time.Second, Most: 1, Unit: 1}}, make([]gate.Standing, 1)); err != nil {
		return nil, fmt.Errorf("opening budgets: %w", err)
	}
	return b, nil
}

// Fallback says what happens while the server is away: this gateway gives out part
// thousandths of each budget, or with 0 refuses.
func (b *RedisBudgets) Fallback(part int64) {
	b.refuse.Store(part <= 0)
	b.part.Store(part)
}

// Take implements limit.Budgets.
func (b *RedisBudgets) Take(ctx context.Context, all []gate.Budget, standing []gate.Standing) (bool, error) {
	if b.spent.refuses(all, standing) {
		return false, nil
	}
	if !b.reachable() {
		return b.takeAlone(ctx, all, standing)
	}
	ok, err := b.ask(ctx, "take", all, standing)
	switch {
	case err == nil && !ok:
		b.spent.note(all, standing)
	case err != nil && b.lost(ctx, err):
		return b.takeAlone(ctx, all, standing)
	}
	return ok, err
}

// Spend implements limit.Budgets.
func (b *RedisBudgets) Spend(ctx context.Context, all []gate.Budget) error {
	if b.reachable() {
		_, err := b.ask(ctx, "spend", all, make([]gate.Standing, len(all)))
		if err == nil || !b.lost(ctx, err) {
			return err
		}
	}
	if b.refuse.Load() {
		return errBudgetsAway
	}
	return b.local.Spend(ctx, b.parts(all))
}

// Look says how budgets stand, and takes nothing.
func (b *RedisBudgets) Look(ctx context.Context, all []gate.Budget, standing []gate.Standing) error {
	_, err := b.ask(ctx, "look", all, standing)
	return err
}

// errBudgetsAway is that of a gateway that does not decide alone.
var errBudgetsAway = fmt.Errorf("redis: budgets are not answered for, and limits.on_failure is refuse")

// takeAlone decides without the server.
func (b *RedisBudgets) takeAlone(ctx context.Context, all []gate.Budget, standing []gate.Standing) (bool, error) {
	if b.refuse.Load() {
		return false, errBudgetsAway
	}
	b.alone.Add(1)
	return b.local.Take(ctx, b.parts(all), standing)
}

// parts are the budgets that this gateway gives out alone: of each at least one of what
// people count, or nothing at all would pass.
func (b *RedisBudgets) parts(all []gate.Budget) []gate.Budget {
	own := make([]gate.Budget, len(all))
	for i := range all {
		own[i] = all[i]
		own[i].Most = max(all[i].Most/1000*b.part.Load()+all[i].Most%1000*b.part.Load()/1000, min(all[i].Unit, all[i].Most))
	}
	return own
}

// reachable tells whether to ask the server. While it is away one caller now and then
// does.
func (b *RedisBudgets) reachable() bool {
	next := b.away.Load()
	if next == 0 {
		return true
	}
	now := time.Now().UnixNano()
	return now >= next && b.away.CompareAndSwap(next, now+int64(askAgain))
}

// lost takes note that the server did not answer. False is that the caller gave up, which
// says nothing of the server.
func (b *RedisBudgets) lost(ctx context.Context, err error) bool {
	if ctx.Err() != nil {
		return false
	}
	if b.away.Swap(time.Now().Add(askAgain).UnixNano()) == 0 {
		b.redis.log.Error("redis does not answer for limits", "refusing", b.refuse.Load(), "part", float64(b.part.Load())/1000, "error", err)
	}
	return true
}

// ask has the server decide, in one round trip.
func (b *RedisBudgets) ask(ctx context.Context, what string, all []gate.Budget, standing []gate.Standing) (ok bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	names, args := make([]string, 0, len(all)), make([]any, 0, 1+3*len(all))
	args = append(args, what)
	for i := range all {
		a := &all[i]
		names = append(names, b.redis.name(budgetPrefix+budgetName(b.blind, a)))
		args = append(args, a.Most, max((a.Per.Milliseconds()+spanSlots-1)/spanSlots, 1), a.Cost)
	}
	out, err := b.decide.Run(ctx, b.redis.client, names, args...).Int64Slice()
	if err != nil {
		return false, b.redis.fault("deciding about budgets", err)
	}
	if len(out) != 1+3*len(all) {
		return false, fmt.Errorf("redis: %d answers about %d budgets", len(out), len(all))
	}
	for i := range all {
		of := out[1+3*i:]
		standing[i] = gate.Standing{Left: of[0], Wait: time.Duration(of[1]) * time.Millisecond, Next: time.Duration(of[2]) * time.Millisecond}
	}
	if b.away.Swap(0) != 0 {
		b.redis.log.Info("redis answers for limits again")
	}
	return out[0] == 1, nil
}

// budgetName is the keyed hash that a budget is kept under. The first half of a SHA-256
// tells budgets apart.
func budgetName(blind blinder, b *gate.Budget) string {
	var realm, tenant, subject, from string
	if b.Who != nil {
		realm, tenant, subject = b.Who.Realm, b.Who.Tenant, b.Who.Subject
	}
	if b.From.IsValid() {
		from = b.From.String()
	}
	return blind.hash(b.Limit, b.Per.String(), b.Of, realm, tenant, subject, from)[:32]
}

// Away tells whether the server does not answer, and this gateway decides alone.
func (b *RedisBudgets) Away() bool { return b.away.Load() != 0 }

// Alone is how many decisions were made alone.
func (b *RedisBudgets) Alone() int { return int(b.alone.Load()) }

// Held is how many budgets this gateway remembers itself.
func (b *RedisBudgets) Held() int { return b.local.Held() }

// Crowded is how many decisions made alone were about a budget that had no room.
func (b *RedisBudgets) Crowded() int { return b.local.Crowded() }
