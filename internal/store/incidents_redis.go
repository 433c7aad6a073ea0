package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	incidentsHash  = "{incidents}"         // sealed incidents by id
	incidentsState = "{incidents}:version" // random, anew with each change
	incidentsMark  = "{incidents}:key"     // of the key that they are sealed with

	incidentsBatch = 50                         // how many one command reads
	mostIncidents  = maxIncidents + maxUnclosed // until a gateway drops what is kept no longer
	incidentTries  = 8                          // of several gateways that change the same incident at once
)

// errOthersChange is that of an incident which is another at each of incidentTries.
var errOthersChange = errors.New("redis: others change the same incident all the time: try again")

// putIncidentText changes an incident that is as the caller knows it: KEYS the hash,
// the version; ARGV a new version, the id, the text as he knows it (empty: none), the
// new one (empty: it goes), the bound. It returns 0 when it is another, -1 without room.
const putIncidentText = `
local have = redis.call('HGET', KEYS[1], ARGV[2]) or ''
if have ~= ARGV[3] then
	return 0
end
if ARGV[4] == '' then
	redis.call('HDEL', KEYS[1], ARGV[2])
	return 1
end
if have == '' and redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[5]) then
	return -1
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4])
redis.call('SET', KEYS[2], ARGV[1])
return 1`

// markIncidentsText says which key incidents are sealed with, where nobody has said so
// yet: KEYS the mark; ARGV it. It returns what was said.
const markIncidentsText = `
local mark = redis.call('GET', KEYS[1])
if not mark then
	redis.call('SET', KEYS[1], ARGV[1])
	return ARGV[1]
end
return mark`

// incidentsRedis keeps incidents in a hash, and beside it a version, which is random,
// as that of revocations is. Nothing that this gateway knows leaves its list before its
// time: what the server has lost is published again, and merged with what it has.
type incidentsRedis struct {
	redis     *Redis
	seals     incidentSeals
	puts      *redis.Script
	version   string
	run       string                    // of the server that version was read from
	wholeRead time.Time                 // when the hash was read last
	known     map[string]sealedIncident // what the hash had then
}

// OpenRedisIncidents opens the list in r. key is 32 random bytes that every gateway
// with the same Redis and prefix has, and nobody else; one with another does not open
// it. Close it before r.
func OpenRedisIncidents(ctx context.Context, r *Redis, key [32]byte) (*Incidents, error) {
	seals, err := newIncidentSeals(key, incidentSealing+" in redis at "+r.prefix)
	if err != nil {
		return nil, fmt.Errorf("opening incidents: %w", err)
	}
	mark, err := redis.NewScript(markIncidentsText).Run(ctx, r.client, []string{r.name(incidentsMark)}, seals.mark).Text()
	if err != nil {
		return nil, fmt.Errorf("opening incidents: %w", r.fault("reading the mark of incidents", err))
	}
	if mark != seals.mark {
		return nil, fmt.Errorf("opening incidents: the other gateways have another state.key: give every replica a copy of one gateway's, or remove %s from redis where that gateway is gone", r.name(incidentsMark))
	}
	from := &incidentsRedis{redis: r, seals: seals, puts: redis.NewScript(putIncidentText), known: map[string]sealedIncident{}}
	return openIncidents(ctx, &Incidents{from: from, blind: seals.blind, log: r.log}, lookRedisEvery)
}

func (s *incidentsRedis) read(ctx context.Context, have incidentList) (incidentList, error) {
	now, run := time.Now(), *s.redis.run.Load()
	version, err := s.redis.client.Get(ctx, s.redis.name(incidentsState)).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, s.redis.fault("reading the version of incidents", err)
	}
	seen := version == s.version && run == s.run && !s.wholeRead.IsZero()
	if seen && now.Sub(s.wholeRead) < readAllEvery {
		return have, nil
	}
	list, err := s.merge(ctx, have, now)
	if err != nil && seen { // the version vouches for what there is
		s.redis.log.Error("incidents could not be compared with those in redis", "error", err)
		list, err = have, nil
	}
	if err != nil {
		return nil, err
	}
	s.version, s.run, s.wholeRead = version, run, now
	return list, nil
}

// merge reads the hash, publishes what it has lost, and drops from it what is kept no
// longer.
func (s *incidentsRedis) merge(ctx context.Context, have incidentList, now time.Time) (incidentList, error) {
	list, err := s.readAll(ctx)
	if err != nil {
		return nil, err
	}
	lost := map[string]bool{}
	for id, mine := range have {
		theirs, ok := list[id]
		switch {
		case !ok:
			list[id], lost[id] = mine, true
		case theirs != mine:
			list[id], lost[id] = theirs.merge(mine, s.seals.blind)
		}
	}
	list.prune(now)
	for id, is := range lost {
		if one := list[id]; is && one != nil {
			s.redis.log.Error("redis has lost what an incident said; it is published again", "incident", id)
			if err := s.add(ctx, one); err != nil {
				return nil, err
			}
		}
	}
	for id, k := range s.known {
		if list[id] == nil {
			if _, err := s.put(ctx, id, k.sealed, nil); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// add keeps what an incident says beside what the hash has of it.
func (s *incidentsRedis) add(ctx context.Context, one *Incident) error {
	for range incidentTries {
		text, err := s.redis.client.HGet(ctx, s.redis.name(incidentsHash), one.ID).Bytes()
		if err != nil && !errors.Is(err, redis.Nil) {
			return s.redis.fault("reading an incident", err)
		}
		both := one
		if len(text) > 0 {
			have, err := s.seals.open(one.ID, text)
			if err != nil {
				return fmt.Errorf("redis: %w", err)
			}
			var more bool
			if both, more = have.says.merge(one, s.seals.blind); !more {
				return nil
			}
		}
		sealed, err := s.seals.seal(both)
		if err != nil {
			return err
		}
		done, err := s.put(ctx, one.ID, text, sealed)
		if err != nil || done {
			return err
		}
	}
	return errOthersChange
}

// edit changes an incident as the hash has it.
func (s *incidentsRedis) edit(ctx context.Context, id string, do func(*Incident) bool) error {
	for range incidentTries {
		text, err := s.redis.client.HGet(ctx, s.redis.name(incidentsHash), id).Bytes()
		if errors.Is(err, redis.Nil) {
			return nil // it was left out meanwhile
		}
		if err != nil {
			return s.redis.fault("reading an incident", err)
		}
		have, err := s.seals.open(id, text)
		if err != nil {
			return fmt.Errorf("redis: %w", err)
		}
		next := have.says.copied()
		if !do(next) {
			return nil
		}
		if err := next.check(); err != nil {
			return err
		}
		sealed, err := s.seals.seal(next)
		if err != nil {
			return err
		}
		done, err := s.put(ctx, id, text, sealed)
		if err != nil || done {
			return err
		}
	}
	return errOthersChange
}

// put replaces a text of the hash, or removes it. False: it is another by now.
func (s *incidentsRedis) put(ctx context.Context, id string, was, is []byte) (bool, error) {
	names := []string{s.redis.name(incidentsHash), s.redis.name(incidentsState)}
	n, err := s.puts.Run(ctx, s.redis.client, names, rand.Text(), id, was, is, mostIncidents).Int()
	switch {
	case err != nil:
		return false, s.redis.fault("keeping an incident", err)
	case n < 0:
		return false, fmt.Errorf("redis: there are %d incidents already", mostIncidents)
	}
	return n == 1, nil
}

// readAll reads the hash. What changes meanwhile changes the version, too. A text that
// is known is not opened again.
func (s *incidentsRedis) readAll(ctx context.Context) (incidentList, error) {
	list, known := make(incidentList, len(s.known)), make(map[string]sealedIncident, len(s.known))
	for cursor := uint64(0); ; {
		pairs, next, err := s.redis.client.HScan(ctx, s.redis.name(incidentsHash), cursor, "", incidentsBatch).Result()
		if err != nil {
			return nil, s.redis.fault("reading incidents", err)
		}
		for pair := range slices.Chunk(pairs, 2) {
			id, text := pair[0], pair[1]
			k, met := s.known[id]
			if !met || string(k.sealed) != text {
				if k, err = s.seals.open(id, []byte(text)); err != nil {
					return nil, fmt.Errorf("redis: %w", err)
				}
			}
			list[id], known[id] = k.says, k // a scan may name a field twice while the hash grows
		}
		if len(known) > mostIncidents {
			return nil, fmt.Errorf("redis: more than %d incidents", mostIncidents)
		}
		if cursor = next; cursor == 0 {
			s.known = known
			return list, nil
		}
	}
}
