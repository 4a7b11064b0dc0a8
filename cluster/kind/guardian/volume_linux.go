package guardian

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// podsFolder is where the kubelet keeps the volumes of pods, by their UIDs.
const podsFolder = "/var/lib/kubelet/pods/"

// podOf is the UID in a path of a pod's volume.
func podOf(path string) (uid string, ok bool) {
	rest, ok := strings.CutPrefix(path, podsFolder)
	uid, _, _ = strings.Cut(rest, "/")
	return uid, ok
}

// lost covers a volume.
type lost struct {
	covers
	plan   Lose
	folder string // in the node
	id     fileID // of what is to be covered
}

// fileID tells files apart, also between mount namespaces.
type fileID struct{ device, inode uint64 }

func idOf(path string) (fileID, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return fileID{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	return fileID{uint64(s.Dev), s.Ino}, nil
}

func (m linux) prepareLose(k knobs, p Plan) (Prior, effect, error) {
	folder, err := m.volumeFolder(p.Node, *p.Lose)
	if err != nil {
		return Prior{}, nil, err
	}
	id, err := idOf(m.path(p.Node.PID, "root") + folder)
	if err != nil {
		return Prior{}, nil, err
	}
	prior := Prior{Part: Mounts, Covered: []string{folder}}
	l := lost{covers{m.host, k.group, p.Node, prior}, *p.Lose, folder, id}
	users, err := l.users()
	if err == nil && len(users) == 0 {
		err = fmt.Errorf("no container of pod %s has volume %s", p.Lose.Pod, p.Lose.Volume)
	}
	return prior, l, err
}

// volumeFolder finds what the kubelet bind-mounts into containers: below the
// pod's folder by the volume's plugin and name, and one deeper for a CSI driver.
func (h host) volumeFolder(n Node, l Lose) (string, error) {
	root := h.path(n.PID, "root")
	found, err := filepath.Glob(root + podsFolder + l.Pod + "/volumes/*/" + l.Volume)
	if err != nil {
		return "", fmt.Errorf("finding volume %s: %w", l.Volume, err)
	}
	if len(found) != 1 {
		return "", fmt.Errorf("the node's kubelet has %d volumes %s of pod %s, not one", len(found), l.Volume, l.Pod)
	}
	folder := strings.TrimPrefix(found[0], root)
	if strings.Contains(folder, "/kubernetes.io~csi/") {
		folder += "/mount"
	}
	return folder, nil
}

// users are the processes of the pod that have what is to be covered.
func (l lost) users() ([]process, error) {
	all, err := l.podProcesses(l.group, l.plan.Pod)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(p process) bool {
		return !slices.ContainsFunc(l.plan.Paths, func(path string) bool {
			id, err := idOf(l.path(p.PID, "root") + path)
			return err == nil && id == l.id
		})
	}), nil
}

func (l lost) do() error {
	err := l.within(l.node.PID, []string{"mnt"}, func() error {
		return unix.Mount(coverSource+"empty", l.folder, "tmpfs", unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, "size=4k,mode=0755")
	})
	if err != nil {
		return fmt.Errorf("covering %s: %w", l.folder, err)
	}
	users, err := l.users()
	if err != nil {
		return err
	}
	for _, p := range users {
		if err := send(p, unix.SIGKILL); err != nil {
			return err
		}
	}
	return nil
}

// probeVolume tries to write where a container has its volume, through the
// container's own mounts. A file without a name leaves nothing behind.
func (m linux) probeVolume(p Probe) (Answer, error) {
	k, err := m.knobs(p.Node)
	if err != nil {
		return "", err
	}
	all, err := m.podProcesses(k.group, p.Pod)
	if err != nil {
		return "", err
	}
	answer := Silent
	for _, one := range all {
		table, err := m.mounts(one.PID)
		if gone(err) || err == nil && !slices.ContainsFunc(table, func(x mount) bool { return x.point == p.Address }) {
			continue
		}
		if err != nil {
			return "", err
		}
		fd, err := unix.Open(m.path(one.PID, "root")+p.Address, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
		switch {
		case err == nil:
			answer = Answered
			err = unix.Close(fd)
		case errors.Is(err, unix.EROFS):
			return Refused, nil
		}
		if err != nil && !gone(err) {
			return "", fmt.Errorf("writing to %s in a container: %w", p.Address, err)
		}
	}
	return answer, nil
}
