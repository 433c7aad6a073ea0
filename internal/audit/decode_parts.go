package audit

import (
	"strconv"

	"doorward/internal/gate"
)

// actors reads a chain of actors. An empty one re-encodes to nothing and is refused
// for that.
func (p *parser) actors() ([]gate.Actor, error) { return array(p, maxActors, p.actor) }

func (p *parser) actor() (one gate.Actor, err error) {
	err = p.object(func(key string) (err error) {
		switch key {
		case "client":
			one.Client, err = p.text()
		case "issuer":
			one.Issuer, err = p.text()
		case "subject":
			one.Subject, err = p.text()
		default:
			err = p.fault("unknown key " + strconv.Quote(key))
		}
		return err
	})
	return one, err
}

// stages reads the times of stages: at least one, sorted, none of them zero.
func (p *parser) stages(r *Record) error {
	r.Stages = nil
	return p.object(func(name string) error {
		if n := len(r.Stages); n == gate.MaxStages || n > 0 && r.Stages[n-1].Name >= name {
			return p.fault("stages out of order, or too many")
		}
		us, err := p.count()
		if err == nil && us == 0 {
			err = p.fault("a stage without time")
		}
		r.Stages = append(r.Stages, gate.StageTime{Name: name, Time: micros(us)})
		return err
	})
}

// fields reads what is kept of single arguments: at least one, sorted.
func (p *parser) fields(r *Record) error {
	r.Fields = nil
	return p.object(func(path string) error {
		if n := len(r.Fields); n == maxFields || n > 0 && r.Fields[n-1].Path >= path {
			return p.fault("fields out of order, or too many")
		}
		k := Kept{Path: path}
		err := p.object(func(key string) (err error) {
			switch key {
			case "as":
				k.As, err = p.text()
			case "value":
				k.Value, err = p.text()
			default:
				err = p.fault("unknown key " + strconv.Quote(key))
			}
			return err
		})
		r.Fields = append(r.Fields, k)
		return err
	})
}
