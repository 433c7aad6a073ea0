package audit

import (
	"net/netip"
	"time"

	"doorward/internal/gate"
)

// identity seals what a record says of a person. Each entry has its own.
type identity struct {
	plain    bool // who it is stays readable (Config.PlainIdentity)
	subjects *subjects
	person   person
	subject  *subject // of person
	text     []byte
	bound    []byte
	out      []byte
}

// begin says whose the next record is. Nobody is a stranger until a principal was
// proved: what was only claimed gets no key of its own, for anybody can claim.
func (n *identity) begin(p *gate.Principal) {
	n.person, n.subject = person{}, nil
	if p != nil {
		n.person = person{p.Realm, p.Tenant, p.Subject}
	}
}

// of is the subject of the record, which then names its key.
func (n *identity) of(r *Record) (*subject, error) {
	if n.subject == nil {
		one, err := n.subjects.of(n.person, time.Now())
		if err != nil {
			return nil, err
		}
		n.subject = one
	}
	r.Key = n.subject.id
	return n.subject, nil
}

// bind is what ties a sealed text to its record and field. It is valid until the
// next call.
func (n *identity) bind(r *Record, field string) []byte {
	n.bound = append(append(append(n.bound[:0], r.Exchange...), r.Kind...), field...)
	return n.bound
}

// seal takes out of the record who it is about and puts it in sealed.
func (n *identity) seal(r *Record) error {
	if n.plain || r.Principal.Subject == "" && r.Agent == "" && !r.Remote.IsValid() && len(r.Act) == 0 {
		return nil
	}
	who, err := n.of(r)
	if err != nil {
		return err
	}
	n.text = append(n.text[:0], '{')
	n.text = appendActors(n.text, r.Act)
	n.text = appendText(n.text, `"agent":`, r.Agent)
	n.text = appendAddr(n.text, r.Remote)
	n.text = appendText(n.text, `"subject":`, r.Principal.Subject)
	n.text[len(n.text)-1] = '}'
	n.out, err = who.seal(n.out[:0], n.text, n.bind(r, boundPerson))
	if err != nil {
		return err
	}
	r.Person, r.Agent, r.Principal.Subject, r.Act = n.out, "", "", nil
	r.Remote = netip.Addr{}
	return nil
}
