package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/redis/go-redis/v9"
)

const (
	revokedHash  = "{revoked}"
	revokedState = "{revoked}:version"

	revokedBatch = 1000             // how many one command touches
	readAllEvery = 20 * time.Second // also when nothing seems to have changed
	dropAfter    = time.Minute      // what has ended goes; beyond what the clocks of gateways differ
)

// addText adds revocations, for as long as the longest one says: KEYS the hash, the
// version; ARGV a new version, the bound, and for each its field, its end in
// milliseconds (0: never) and its text. It returns how many found no room.
const addText = `
local size, changed, full = redis.call('HLEN', KEYS[1]), false, 0
for i = 3, #ARGV, 3 do
	local have, till = redis.call('HGET', KEYS[1], ARGV[i]), tonumber(ARGV[i + 1])
	local was = have and tonumber(string.match(have, '^(%d+) '))
	if was and (was == 0 or till ~= 0 and was >= till) then
		-- It is in force for as long already.
	elseif not have and size >= tonumber(ARGV[2]) then
		full = full + 1
	else
		redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1] .. ' ' .. ARGV[i + 2])
		size = size + (have and 0 or 1)
		changed = true
	end
end
if changed then
	redis.call('SET', KEYS[2], ARGV[1])
end
return full`

// dropText removes fields that still have the text they were read with: KEYS the
// hash; ARGV each field and its text.
const dropText = `
for i = 1, #ARGV, 2 do
	if redis.call('HGET', KEYS[1], ARGV[i]) == ARGV[i + 1] then
		redis.call('HDEL', KEYS[1], ARGV[i])
	end
end
return 0`

// replaceText puts one field in the place of another: KEYS the hash, the version; ARGV a
// new version, the field to remove, the other field and its text.
const replaceText = `
redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
redis.call('HDEL', KEYS[1], ARGV[2])
redis.call('SET', KEYS[2], ARGV[1])
return 0`

// revokedRedis keeps the list in a hash, by SHA-256 of the name, and beside it a
// version, which is random: a server that lost the list, or went back to an older
// one, never shows the version that was seen with a newer list. Nothing that this
// gateway knows leaves its list before it has ended; what the server has lost is
// published again.
type revokedRedis struct {
	redis     *Redis
	adds      *redis.Script
	drops     *redis.Script
	replaces  *redis.Script
	blind     blinder
	version   string
	run       string                 // of the server that version was read from
	wholeRead time.Time              // when the hash was read last
	known     map[string]revokedText // at most twice maxRevoked
}

// revokedText is a field of the hash, and what it says.
type revokedText struct {
	text string
	says *Revocation
}

// OpenRedisRevocations opens the list in r. key is 32 random bytes that every gateway
// with the same Redis and prefix has, and nobody else: names that were forgotten are
// hashed with it. Close it before r.
func OpenRedisRevocations(ctx context.Context, r *Redis, key [32]byte) (*Revocations, error) {
	blind, err := newBlinder(key[:], blinding)
	if err != nil {
		return nil, fmt.Errorf("opening revocations: %w", err)
	}
	from := &revokedRedis{
		redis: r, blind: blind, known: map[string]revokedText{},
		adds: redis.NewScript(addText), drops: redis.NewScript(dropText), replaces: redis.NewScript(replaceText),
	}
	return openRevocations(ctx, &Revocations{from: from, blind: blind, log: r.log}, lookRedisEvery)
}

func (s *revokedRedis) read(ctx context.Context, have revokedList) (revokedList, error) {
	now, run := time.Now(), *s.redis.run.Load()
	version, err := s.redis.client.Get(ctx, s.redis.name(revokedState)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, s.redis.fault("reading the version of revocations", err)
	}
	seen := version == s.version && run == s.run && !s.wholeRead.IsZero()
	if seen && now.Sub(s.wholeRead) < readAllEvery {
		return have, nil
	}
	list, err := s.merge(ctx, have, now)
	if err != nil && seen { // the version vouches for what there is
		s.redis.log.Error("revocations could not be compared with those in redis", "error", err)
		list, err = have, nil
	}
	if err != nil {
		return nil, err
	}
	s.version, s.run, s.wholeRead = version, run, now
	return list, nil
}

// merge reads the hash, publishes what it has lost, and drops from it what ended
// long ago.
func (s *revokedRedis) merge(ctx context.Context, have revokedList, now time.Time) (revokedList, error) {
	list, ended, err := s.readAll(ctx, now)
	if err != nil {
		return nil, err
	}
	var lost []*Revocation
	for _, r := range have {
		if by, erased := list[s.blind.name(r.Realm, r.Value)]; erased && r.Kind == RevokedSubject && by.outlasts(r) {
			continue // somebody has forgotten its name
		}
		if r.holds(now) && list.put(r) {
			lost = append(lost, r)
		}
	}
	if len(list) > maxRevoked {
		return nil, fmt.Errorf("redis and this gateway know more than %d revocations", maxRevoked)
	}
	if len(lost) > 0 {
		s.redis.log.Error("redis has lost revocations; they stay in force and are published again", "count", len(lost))
		if err := s.publish(ctx, lost); err != nil {
			return nil, err
		}
	}
	return list, s.drop(ctx, ended)
}

func (s *revokedRedis) add(ctx context.Context, r *Revocation) error {
	return s.publish(ctx, []*Revocation{r})
}

func (s *revokedRedis) replace(ctx context.Context, old, by *Revocation) error {
	text, err := json.Marshal(by)
	if err != nil {
		return err
	}
	names := []string{s.redis.name(revokedHash), s.redis.name(revokedState)}
	said := strconv.FormatInt(millis(by.Until), 10) + " " + string(text)
	err = s.replaces.Run(ctx, s.redis.client, names, rand.Text(), old.name().field(), by.name().field(), said).Err()
	return s.redis.fault("forgetting a name", err)
}

// publish adds to the hash what is not in it, or not for as long.
func (s *revokedRedis) publish(ctx context.Context, all []*Revocation) error {
	names := []string{s.redis.name(revokedHash), s.redis.name(revokedState)}
	for batch := range slices.Chunk(all, revokedBatch) {
		args := []any{rand.Text(), maxRevoked}
		for _, r := range batch {
			text, err := json.Marshal(r)
			if err != nil {
				return err
			}
			args = append(args, r.name().field(), millis(r.Until), text)
		}
		full, err := s.adds.Run(ctx, s.redis.client, names, args...).Int64()
		if err != nil {
			return s.redis.fault("adding revocations", err)
		}
		if full > 0 {
			return fmt.Errorf("redis: adding revocations: there are %d already", maxRevoked)
		}
	}
	return nil
}

// readAll reads the hash, and returns what holds and the fields of what ended long
// ago. What changes meanwhile changes the version, too. A text that is known is not
// parsed again, also when reading all took too long the last time.
func (s *revokedRedis) readAll(ctx context.Context, now time.Time) (list revokedList, ended []string, err error) {
	list, known := make(revokedList, len(s.known)), make(map[string]revokedText, len(s.known))
	if len(s.known) > maxRevoked { // of several readings that failed
		clear(s.known)
	}
	for cursor := uint64(0); ; {
		pairs, next, err := s.redis.client.HScan(ctx, s.redis.name(revokedHash), cursor, "", revokedBatch).Result()
		if err != nil {
			return nil, nil, s.redis.fault("reading revocations", err)
		}
		for pair := range slices.Chunk(pairs, 2) {
			field, text := pair[0], pair[1]
			k, met := s.known[field]
			if !met || k.text != text {
				if k.says, err = parseRevoked(field, text); err != nil {
					return nil, nil, fmt.Errorf("redis: revocation %.64q: %w", field, err)
				}
				k.text = text
				s.known[field] = k
			}
			known[field] = k // a scan may name a field twice while the hash grows
			if !k.says.Until.IsZero() && now.Sub(k.says.Until) > dropAfter {
				ended = append(ended, field)
			} else {
				list[k.says.name()] = k.says
			}
		}
		if len(known) > maxRevoked {
			return nil, nil, fmt.Errorf("redis: more than %d revocations", maxRevoked)
		}
		if cursor = next; cursor == 0 {
			s.known = known
			return list, ended, nil
		}
	}
}

// drop removes fields that are as they were read.
func (s *revokedRedis) drop(ctx context.Context, ended []string) error {
	for batch := range slices.Chunk(ended, revokedBatch) {
		var args []any
		for _, field := range batch {
			args = append(args, field, s.known[field].text)
		}
		if err := s.drops.Run(ctx, s.redis.client, []string{s.redis.name(revokedHash)}, args...).Err(); err != nil {
			return s.redis.fault("dropping revocations that have ended", err)
		}
	}
	return nil
}

// parseRevoked reads the text of a field: its end in milliseconds, a space and
// the revocation, which must be the one that the field is for.
func parseRevoked(field, text string) (*Revocation, error) {
	end, object, _ := strings.Cut(text, " ")
	var r Revocation
	if err := json.Unmarshal([]byte(object), &r, json.RejectUnknownMembers(true)); err != nil {
		return nil, err
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	if end != strconv.FormatInt(millis(r.Until), 10) || field != r.name().field() {
		return nil, errors.New("its field or its end is that of another")
	}
	return &r, nil
}

// field is the name in the hash: the SHA-256 of the three, each after its length,
// so that no two names share one.
func (n revokedName) field() string {
	var text []byte
	for _, part := range []string{n.kind, n.realm, n.value} {
		text = binary.BigEndian.AppendUint32(text, uint32(len(part))) //nolint:gosec // at most maxValue bytes
		text = append(text, part...)
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// millis is Unix time in milliseconds, and 0 for never.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
