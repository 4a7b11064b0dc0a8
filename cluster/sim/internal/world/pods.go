package world

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/seatrial/seatrial"
)

const systemNamespace = "kube-system"

var everything = labels.Everything()

// create makes a pod object that waits for the scheduler.
func (w *World) create(o owner, t *Template, name string) *Pod {
	w.serial++
	p := &Pod{Namespace: t.Namespace, Name: name, Template: t, Phase: corev1.PodPending,
		UID: w.uid(), world: w, owner: o, serial: w.serial, claims: t.claimsOf(),
		createdAt: w.Clock.Now(), readyAt: w.Clock.Now()}
	w.pods[p.Key()] = p
	for _, s := range w.servicesOf(t) {
		s.join(p)
	}
	p.tell(seatrial.Info, "%s", p.now())
	return p
}

// uid is the latest pod's, of no order: where controllers compare UIDs, they
// draw.
func (w *World) uid() string {
	return fmt.Sprintf("%013x-%d", uint64(w.Seed.Unit("uid", "", w.serial)*(1<<52)), w.serial)
}

// bind puts the pod on a node.
func (p *Pod) bind(n *Node) {
	p.world.scheduler.remember(p.Template)
	p.Node = n
	n.add(p)
	p.settleVolumes()
	p.world.tallies.count(p, true)
	p.world.tallies.change(p, true, true)
	p.tell(seatrial.Info, "scheduled to node %s", n.Name)
	p.bound()
	p.changed()
	p.world.scheduler.placed()
}

// suffix is the random end of a pod's name, as the API server makes it, drawn
// for the n-th pod of a controller.
func (w *World) suffix(of string, n uint64) string {
	// k8s.io/apimachinery/pkg/util/rand: no vowels, so that no words come out.
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	name := make([]byte, 5)
	for i := range name {
		name[i] = alphabet[int(w.Seed.Unit("name", of, n*8+uint64(i))*float64(len(alphabet)))]
	}
	return string(name)
}

// soon is when a controller acts on a change that it hears of now.
func (w *World) soon(of string) time.Duration { return w.Draw(w.Timings.Control, "control", of) }

// Runs says whether a process of the pod runs.
func (p *Pod) Runs() bool {
	for _, c := range p.containers {
		if c.process != nil {
			return true
		}
	}
	return false
}
