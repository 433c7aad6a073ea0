package store

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"doorward/internal/gate"
)

// The bounds of one process's memory of budgets: each at most 15 MB.
const (
	maxCells = 65_536 // of callers and what they call; as many more of addresses
	looksAt  = 8      // how many cells a new one looks at, for one that is over
	crowds   = 1024   // budgets of a limit that addresses without room share, by their networks
)

// cellName names a budget in the memory. Who it is of cannot be read from it.
type cellName [16]byte

// MemoryBudgets keeps the budgets of one process. It never forgets what counts: a budget
// that has no room shares one with others of its limit that have none, so that a flood of
// strange addresses makes room for nobody. Addresses share by their networks: who has many of
// them crowds out neighbours, and not everybody who comes. It is safe for concurrent use.
type MemoryBudgets struct {
	seed  maphash.Seed
	since time.Time // of both clocks: budgets go by the one that nobody sets
	lasts func(*gate.Budget) cellName

	mu      sync.Mutex
	cells   [2]map[cellName]*cell // of addresses, and of everything else
	found   []*cell               // of the decision under way
	crowded int                   // decisions about a budget that had no room
}

// NewMemoryBudgets begins a memory.
func NewMemoryBudgets() *MemoryBudgets {
	m := &MemoryBudgets{seed: maphash.MakeSeed(), since: time.Now()}
	m.lasts = m.name
	m.cells = [2]map[cellName]*cell{{}, {}}
	return m
}

// now is the time in nanoseconds since the epoch, which never goes back.
func (m *MemoryBudgets) now() int64 { return m.since.Add(time.Since(m.since)).UnixNano() }

// Take implements limit.Budgets.
func (m *MemoryBudgets) Take(_ context.Context, all []gate.Budget, standing []gate.Standing) (ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.find(all, now)
	ok = true
	for i := range all {
		b, c := &all[i], m.found[i]
		short := b.Cost - b.Most
		if c != nil {
			short += c.total
		}
		if b.Cost > 0 && short > 0 {
			ok = false
			standing[i].Wait = b.Per // it costs more than there ever is
			if c != nil && b.Cost <= b.Most {
				standing[i].Wait = c.until(short, now)
			}
		}
	}
	if ok {
		m.spend(all, now)
	}
	for i := range all {
		stand(&all[i], m.found[i], now, &standing[i])
	}
	return ok, nil
}

// stand says what is left.
func stand(b *gate.Budget, c *cell, now int64, st *gate.Standing) {
	st.Left, st.Next = b.Most, 0
	if c != nil && c.total > 0 {
		st.Left = max(b.Most-c.total, 0)
		st.Next = c.until(1, now)
	}
}

// Spend implements limit.Budgets.
func (m *MemoryBudgets) Spend(_ context.Context, all []gate.Budget) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.find(all, now)
	m.spend(all, now)
	return nil
}

// Look says how budgets stand, and takes nothing.
func (m *MemoryBudgets) Look(_ context.Context, all []gate.Budget, standing []gate.Standing) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	m.find(all, now)
	for i := range all {
		stand(&all[i], m.found[i], now, &standing[i])
	}
	return nil
}

// find leaves in found what there is of each budget, nil where nothing was taken.
func (m *MemoryBudgets) find(all []gate.Budget, now int64) {
	m.found = m.found[:0]
	for i := range all {
		b := &all[i]
		cells := m.cells[table(b)]
		c := cells[m.nameOf(b)]
		if c == nil && len(cells) >= maxCells {
			if sweep(cells, now); len(cells) >= maxCells {
				c = cells[m.common(b)]
			}
		}
		if c != nil {
			c.advance(now)
		}
		m.found = append(m.found, c)
	}
}

// spend takes every cost, and makes the cells that are missing.
func (m *MemoryBudgets) spend(all []gate.Budget, now int64) {
	for i := range all {
		b := &all[i]
		if b.Cost == 0 {
			continue
		}
		if m.found[i] == nil {
			m.found[i] = m.room(b, now)
		}
		m.found[i].add(b.Cost)
	}
}

// table says which of the cells a budget is in: a flood of addresses must not crowd out
// callers.
func table(b *gate.Budget) int {
	if b.From.IsValid() {
		return 0
	}
	return 1
}

// room makes a cell. Where there is none it is the common one of the limit, for which
// there always is.
func (m *MemoryBudgets) room(b *gate.Budget, now int64) *cell {
	cells, width := m.cells[table(b)], slotWidth(b.Per)
	sweep(cells, now)
	name := m.nameOf(b)
	if len(cells) >= maxCells {
		m.crowded++
		name = m.common(b)
		if c := cells[name]; c != nil {
			c.advance(now)
			return c
		}
	}
	c := &cell{width: width, slot: now / width}
	if b.Lasting && len(cells) < maxCells {
		c.fresh = new([ring]int64)
	}
	cells[name] = c
	return c
}

// sweep forgets some of what is over.
func sweep(cells map[cellName]*cell, now int64) {
	looked := 0
	for name, c := range cells { // it begins anywhere
		if c.over(now) {
			delete(cells, name)
		}
		if looked++; looked == looksAt {
			return
		}
	}
}

func (m *MemoryBudgets) nameOf(b *gate.Budget) cellName {
	if b.Lasting {
		return m.lasts(b)
	}
	return m.name(b)
}

// name is that of a budget that ends with the process.
func (m *MemoryBudgets) name(b *gate.Budget) (name cellName) {
	var h maphash.Hash
	h.SetSeed(m.seed)
	part := func(s string) {
		var n [8]byte
		binary.LittleEndian.PutUint64(n[:], uint64(len(s)))
		_, _ = h.Write(n[:])
		_, _ = h.WriteString(s)
	}
	part(b.Limit)
	part(b.Of)
	if b.Who != nil {
		part(b.Who.Realm)
		part(b.Who.Tenant)
		part(b.Who.Subject)
	}
	if b.From.IsValid() {
		a := b.From.Addr().As16()
		_, _ = h.Write(a[:])
	}
	binary.LittleEndian.PutUint64(name[:8], h.Sum64())
	binary.LittleEndian.PutUint64(name[8:], uint64(b.Per)) //nolint:gosec // G115: a span is above zero
	return name
}

// common names the budget that those without room share.
func (m *MemoryBudgets) common(b *gate.Budget) cellName {
	all := *b
	all.Who, all.Of, all.From = nil, "\x00everybody else", m.crowd(b.From)
	return m.name(&all)
}

// crowd stands for the network that an address is in, with a thousandth of all others: a /16 of
// IPv4, a /48 of IPv6, which is what a site is given (RFC 6177).
func (m *MemoryBudgets) crowd(from netip.Prefix) netip.Prefix {
	if !from.IsValid() {
		return netip.Prefix{}
	}
	addr, bits := from.Addr().Unmap(), 48
	if addr.Is4() {
		bits = 16
	}
	network := netip.PrefixFrom(addr, bits).Masked().Addr().As16()
	var a [16]byte
	binary.LittleEndian.PutUint64(a[:8], maphash.Bytes(m.seed, network[:])%crowds)
	return netip.PrefixFrom(netip.AddrFrom16(a), 128)
}

// Crowded is how many decisions were about a budget that had no room, since the start.
func (m *MemoryBudgets) Crowded() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.crowded
}

// Held is how many budgets are remembered.
func (m *MemoryBudgets) Held() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.cells[0]) + len(m.cells[1])
}
