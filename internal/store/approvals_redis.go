package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	approvalsHash  = "{approvals}"           // sealed records by id
	approvalsArgs  = "{approvals}:arguments" // sealed arguments by id
	approvalsState = "{approvals}:version"   // random, anew with each change
	approvalsRun   = "{approvals}:run"       // of the server

	argumentsBatch = 16 // how many one script returns: 4 MiB
)

// claimApprovalsText takes note of the server's run, before anybody uses a new
// connection: KEYS the run; ARGV the server's run.
const claimApprovalsText = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
	redis.call('SET', KEYS[1], ARGV[1])
end
return 0`

// readApprovalsText reads everything at once: KEYS the hash, the version, the run;
// ARGV the version that the caller knows, the run as he knows it, the bound. It
// returns the time in seconds and the microseconds of the last one, the run, the
// version, and the fields and texts unless the version is known.
const readApprovalsText = `
local time, run = redis.call('TIME'), redis.call('GET', KEYS[3])
if not run then
	run = ARGV[2]
	redis.call('SET', KEYS[3], run)
end
local version = redis.call('GET', KEYS[2]) or ''
if version == ARGV[1] then
	return {time[1], time[2], run, version}
end
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[3]) then
	return redis.error_reply('more than ' .. ARGV[3] .. ' approvals')
end
local all, cursor = {}, '0'
repeat
	local part = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', 1000)
	cursor = part[1]
	for _, text in ipairs(part[2]) do
		all[#all + 1] = text
	end
until cursor == '0'
return {time[1], time[2], run, version, all}`

// writeApprovalsText changes what is as the caller knows it: KEYS the hash, the
// arguments, the version, the run; ARGV the version and the run that the caller
// knows, the instant in microseconds that it must be before (0: none), the new
// version, how many records and arguments there are to put, each with its id, and
// the ids to drop. It returns 0 when it is another, or too late.
const writeApprovalsText = `
if (redis.call('GET', KEYS[3]) or '') ~= ARGV[1] or redis.call('GET', KEYS[4]) ~= ARGV[2] then
	return 0
end
local time, before = redis.call('TIME'), tonumber(ARGV[3])
if before ~= 0 and time[1] * 1000000 + time[2] >= before then
	return 0
end
local i = 7
for _, put in ipairs({{KEYS[1], tonumber(ARGV[5])}, {KEYS[2], tonumber(ARGV[6])}}) do
	for _ = 1, put[2] do
		redis.call('HSET', put[1], ARGV[i], ARGV[i + 1])
		i = i + 2
	end
end
for j = i, #ARGV do
	redis.call('HDEL', KEYS[1], ARGV[j])
	redis.call('HDEL', KEYS[2], ARGV[j])
end
redis.call('SET', KEYS[3], ARGV[4])
return 1`

// argumentsText reads arguments of a version: KEYS the arguments, the version; ARGV
// the version, ids. It returns 0 when it is another.
const argumentsText = `
if (redis.call('GET', KEYS[2]) or '') ~= ARGV[1] then
	return 0
end
local all = {}
for i = 2, #ARGV do
	all[#all + 1] = redis.call('HGET', KEYS[1], ARGV[i]) or ''
end
return all`

// approvalsRedis keeps approvals in a hash. A gateway reads it when its version is
// another than the one that it knows, and writes only over what it has read. The
// version is random, as that of revocations is.
type approvalsRedis struct {
	redis               *Redis
	reads, writes, args *redis.Script
}

// OpenRedisApprovals opens the approvals in r. key is 32 random bytes that every
// gateway with the same Redis and prefix has, and nobody else; the seals are made
// with it. Close it before r.
func OpenRedisApprovals(ctx context.Context, r *Redis, key [32]byte) (*Approvals, error) {
	seals, err := newApprovalSeals(key[:], approvalSealing+" in redis at "+r.prefix)
	if err != nil {
		return nil, fmt.Errorf("opening approvals: %w", err)
	}
	return openApprovals(ctx, &approvalsRedis{
		redis: r, reads: redis.NewScript(readApprovalsText), writes: redis.NewScript(writeApprovalsText),
		args: redis.NewScript(argumentsText),
	}, seals)
}

// claimApprovals takes note of the run of the server.
func (r *Redis) claimApprovals(ctx context.Context, cn *redis.Conn, run string) error {
	if err := cn.Eval(ctx, claimApprovalsText, []string{r.name(approvalsRun)}, run).Err(); err != nil {
		return fmt.Errorf("taking note of the server's run: %w", err)
	}
	return nil
}

// lock does nothing: every write compares.
func (s *approvalsRedis) lock() (unlock func(), err error) { return func() {}, nil }

func (s *approvalsRedis) read(ctx context.Context, have *approvalView) (*approvalView, time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	known := "none" // which no version is
	if have != nil {
		known = have.version
	}
	names := []string{s.redis.name(approvalsHash), s.redis.name(approvalsState), s.redis.name(approvalsRun)}
	answer, err := s.reads.Run(ctx, s.redis.client, names, known, *s.redis.run.Load(), maxRecords).Slice()
	if err != nil {
		return nil, time.Time{}, s.redis.fault("reading approvals", err)
	}
	view, now, err := parseApprovalsAnswer(answer, have)
	if err != nil {
		return nil, time.Time{}, s.redis.fault("reading approvals", err)
	}
	return view, now, nil
}

// parseApprovalsAnswer reads what readApprovalsText returns.
func parseApprovalsAnswer(answer []any, have *approvalView) (*approvalView, time.Time, error) {
	odd := errors.New("the answer has another form")
	if len(answer) != 4 && len(answer) != 5 {
		return nil, time.Time{}, odd
	}
	head, ok := texts(answer[:4])
	if !ok {
		return nil, time.Time{}, odd
	}
	seconds, err := strconv.ParseInt(head[0], 10, 64)
	micros, err2 := strconv.ParseInt(head[1], 10, 64)
	if err := errors.Join(err, err2); err != nil {
		return nil, time.Time{}, err
	}
	now := time.Unix(seconds, micros*1000).UTC()
	view := &approvalView{run: head[2], version: head[3]}
	if len(answer) == 4 {
		if have == nil || have.version != view.version {
			return nil, time.Time{}, odd
		}
		if have.run == view.run {
			return have, now, nil
		}
		view.sealed = have.sealed
		return view, now, nil
	}
	list, _ := answer[4].([]any)
	pairs, ok := texts(list)
	if !ok || len(pairs)%2 != 0 {
		return nil, time.Time{}, odd
	}
	view.sealed = make(map[string]string, len(pairs)/2)
	for pair := range slices.Chunk(pairs, 2) {
		view.sealed[pair[0]] = pair[1]
	}
	return view, now, nil
}

// texts are the texts of a list that holds nothing else.
func texts(list []any) (all []string, ok bool) {
	for _, x := range list {
		text, ok := x.(string)
		if !ok {
			return nil, false
		}
		all = append(all, text)
	}
	return all, true
}

func (s *approvalsRedis) write(ctx context.Context, from *approvalView, what *approvalChange) (*approvalView, error) {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	version, before := rand.Text(), int64(0)
	if !what.before.IsZero() {
		before = what.before.UnixMicro()
	}
	args := []any{from.version, from.run, before, version, len(what.put), len(what.arguments)}
	for _, put := range []map[string]string{what.put, what.arguments} {
		for id, sealed := range put {
			args = append(args, id, sealed)
		}
	}
	for _, id := range what.drop {
		args = append(args, id)
	}
	names := []string{
		s.redis.name(approvalsHash), s.redis.name(approvalsArgs), s.redis.name(approvalsState), s.redis.name(approvalsRun),
	}
	done, err := s.writes.Run(ctx, s.redis.client, names, args...).Int64()
	if err != nil || done != 1 {
		return nil, s.redis.fault("writing approvals", err)
	}
	return from.with(what, version), nil
}

func (s *approvalsRedis) arguments(ctx context.Context, of *approvalView, ids []string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, approvalWithin)
	defer cancel()
	names := []string{s.redis.name(approvalsArgs), s.redis.name(approvalsState)}
	found := make(map[string]string, len(ids))
	for batch := range slices.Chunk(ids, argumentsBatch) {
		args := []any{of.version}
		for _, id := range batch {
			args = append(args, id)
		}
		answer, err := s.args.Run(ctx, s.redis.client, names, args...).Result()
		if err != nil {
			return nil, s.redis.fault("reading arguments of approvals", err)
		}
		if n, another := answer.(int64); another && n == 0 {
			return nil, nil
		}
		list, _ := answer.([]any)
		sealed, ok := texts(list)
		if !ok || len(sealed) != len(batch) {
			return nil, s.redis.fault("reading arguments of approvals", errors.New("the answer has another form"))
		}
		for i, id := range batch {
			found[id] = sealed[i]
		}
	}
	return found, nil
}
