package guardian

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
)

// tableName is the nftables table in a node's own network namespace.
const tableName = "seatrial"

// drop cuts a node's links to the outside in both directions, below IP, so
// that ARP is silent too: as when the machine is not there. The rules lie in
// the node's own network namespace, which works wherever Docker runs.
type drop struct {
	conn  *nftables.Conn
	links []string
	table string
	match []rule // none drops everything
}

// openDrop opens the node's namespace, so that do is one netlink transaction,
// and makes sure that its links take the hooks.
func openDrop(h host, n Node) (effect, error) {
	links, err := h.links(n)
	if err != nil {
		return nil, err
	}
	conn, err := h.netlink(n)
	if err != nil {
		return nil, err
	}
	d := drop{conn: conn, links: links, table: tableName}
	if err := d.try(); err != nil {
		return nil, errors.Join(fmt.Errorf("hooking %s: %w", strings.Join(links, ", "), err), d.close())
	}
	return d, nil
}

// try adds the hooks without a rule, which changes nothing, and removes them.
func (d drop) try() error {
	d.addChains(tableName + "-probe")
	if err := d.conn.Flush(); err != nil {
		return err
	}
	return removeTable(d.conn, tableName+"-probe")
}

// probeDrop tells whether this kernel has the hooks, on the loopback of the
// guardian's own namespace.
func probeDrop() error {
	conn, err := nftables.New(nftables.AsLasting())
	if err != nil {
		return fmt.Errorf("opening nftables: %w", err)
	}
	d := drop{conn: conn, links: []string{"lo"}}
	return errors.Join(d.try(), d.close())
}

// netlink opens nftables in the node's network namespace.
func (h host) netlink(n Node) (*nftables.Conn, error) {
	ns, err := os.Open(h.path(n.PID, "ns/net"))
	if err != nil {
		return nil, fmt.Errorf("opening the node's network namespace: %w", err)
	}
	defer ns.Close()
	conn, err := nftables.New(nftables.WithNetNSFd(int(ns.Fd())), nftables.AsLasting())
	if err != nil {
		return nil, fmt.Errorf("opening nftables in the node's network namespace: %w", err)
	}
	return conn, nil
}

// links are the node's ways out. Docker names them eth0, eth1 …; the links to
// the pods have other names.
func (h host) links(n Node) ([]string, error) {
	text, err := os.ReadFile(h.path(n.PID, "net/dev"))
	if err != nil {
		return nil, fmt.Errorf("listing the node's network devices: %w", err)
	}
	var links []string
	for line := range strings.Lines(string(text)) {
		name, _, ok := strings.Cut(strings.TrimSpace(line), ":")
		if ok && strings.HasPrefix(name, "eth") {
			links = append(links, name)
		}
	}
	if links == nil {
		return nil, errors.New("the node has no network device named eth…")
	}
	return links, nil
}

func (d drop) addChains(table string) []*nftables.Chain {
	t := d.conn.AddTable(&nftables.Table{Family: nftables.TableFamilyNetdev, Name: table})
	var chains []*nftables.Chain
	for _, link := range d.links {
		for _, hook := range []struct {
			name string
			at   *nftables.ChainHook
		}{{"in-", nftables.ChainHookIngress}, {"out-", nftables.ChainHookEgress}} {
			chains = append(chains, d.conn.AddChain(&nftables.Chain{
				Name: hook.name + link, Table: t, Device: link, Hooknum: hook.at,
				Type: nftables.ChainTypeFilter, Priority: nftables.ChainPriorityFirst,
			}))
		}
	}
	return chains
}

func (d drop) do() error {
	match := d.match
	if match == nil {
		match = []rule{nil}
	}
	for _, c := range d.addChains(d.table) {
		for _, m := range match {
			d.conn.AddRule(&nftables.Rule{Table: c.Table, Chain: c, Exprs: append(slices.Clone(m),
				&expr.Counter{}, &expr.Verdict{Kind: expr.VerdictDrop})})
		}
	}
	if err := d.conn.Flush(); err != nil {
		return fmt.Errorf("dropping the node's packets: %w", err)
	}
	return nil
}

func (d drop) undo() error  { return removeTable(d.conn, d.table) }
func (d drop) close() error { return d.conn.CloseLasting() }

func removeTable(conn *nftables.Conn, name string) error {
	t, err := findTable(conn, name)
	if err != nil || t == nil {
		return err
	}
	conn.DelTable(t)
	if err := conn.Flush(); err != nil {
		return fmt.Errorf("removing the nftables table %s: %w", name, err)
	}
	return nil
}

// findTable is nil where there is none.
func findTable(conn *nftables.Conn, name string) (*nftables.Table, error) {
	tables, err := conn.ListTablesOfFamily(nftables.TableFamilyNetdev)
	if err != nil {
		return nil, fmt.Errorf("listing nftables tables: %w", err)
	}
	for _, t := range tables {
		if t.Name == name {
			return t, nil
		}
	}
	return nil, nil
}

// sweepDrop removes the table of a guardian that is no more.
type sweepDrop struct {
	host
	node Node
}

func (s sweepDrop) do() error    { return nil }
func (s sweepDrop) close() error { return nil }

func (s sweepDrop) undo() error {
	conn, err := s.netlink(s.node)
	if gone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(removeTable(conn, tableName), conn.CloseLasting())
}

// lookAtDrop counts rules and the packets that they dropped.
func lookAtDrop(h host, n Node, s *State) error {
	conn, err := h.netlink(n)
	if err != nil {
		return err
	}
	s.Table, err = count(conn, tableName, &s.Rules, &s.Dropped)
	return errors.Join(err, conn.CloseLasting())
}

// count adds up the rules of a table and the packets that they dropped; false
// where there is no such table.
func count(conn *nftables.Conn, table string, sum *int, dropped *uint64) (bool, error) {
	t, err := findTable(conn, table)
	if err != nil || t == nil {
		return false, err
	}
	chains, err := conn.ListChainsOfTableFamily(nftables.TableFamilyNetdev)
	if err != nil {
		return true, fmt.Errorf("listing nftables chains: %w", err)
	}
	for _, c := range chains {
		if c.Table.Name != table {
			continue
		}
		rules, err := conn.GetRules(t, c)
		if err != nil {
			return true, fmt.Errorf("listing nftables rules: %w", err)
		}
		*sum += len(rules)
		*dropped += packets(rules)
	}
	return true, nil
}

func packets(rules []*nftables.Rule) (total uint64) {
	for _, r := range rules {
		for _, e := range r.Exprs {
			if c, ok := e.(*expr.Counter); ok {
				total += c.Packets
			}
		}
	}
	return total
}
