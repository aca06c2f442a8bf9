"""Names of common system commands: a closed list, so that a gate says the same on each machine.

The names are those of the executables in Debian's packages of the projects that the groups are called after, without
what only a package's own scripts call; the utilities of POSIX.1-2017 (Shell and Utilities, chapter 4); and the clients
and runtimes that other programs look up by name.
"""

# Each group after the projects that it comes from.
_NAMES = (
    # GNU coreutils
    "[ arch b2sum base32 base64 basename basenc cat chcon chgrp chmod chown chroot cksum comm cp csplit cut date "
    "dd df dir dircolors dirname du echo env expand expr factor false fmt fold groups head hostid id install join "
    "link ln logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pinky pr "
    "printenv printf ptx pwd readlink realpath rm rmdir runcon seq sha1sum sha224sum sha256sum sha384sum "
    "sha512sum shred shuf sleep sort split stat stdbuf stty sum sync tac tail tee test timeout touch tr true "
    "truncate tsort tty uname unexpand uniq unlink users vdir wc who whoami yes "
    # util-linux, with bsdutils and mount
    "agetty blkdiscard blkid chmem choom chrt dmesg fallocate findfs findmnt flock fsck fstrim getopt getty "
    "hardlink hexdump ionice ipcrm ipcs kill last logger look losetup lsblk lscpu lsns mesg mkfs mkswap more "
    "mount mountpoint nsenter prlimit rename renice rev script setarch setsid su sulogin swapoff swapon taskset "
    "umount unshare wall whereis wipefs "
    # findutils, grep, sed, diffutils, patch, tar, gzip, xz, zip, file, less, hostname
    "awk bunzip2 bzip2 cmp cpio diff diff3 ed egrep fgrep file find gawk grep gunzip gzip hostname less locate "
    "patch sdiff sed tar unxz unzip vi vim which xargs xz xzcat zcat zip "
    # procps, psmisc and systemd
    "free fuser halt journalctl killall pgrep pidof pkill pmap poweroff ps pstree reboot shutdown sysctl "
    "systemctl top uptime vmstat w watch "
    # passwd, login, sudo and what takes its place
    "adduser chage chfn chsh doas groupadd login newgrp passwd sudo sudoedit useradd userdel usermod visudo "
    # shells, and the utilities of POSIX.1 that are none of the above
    "ash at bash batch bc c99 cal cc cd command compress crontab csh ctags dash dc eval exec fc fg fish getconf "
    "getopts hash iconv jobs ksh lex lp m4 mail make man nm read sh strings strip tcsh time tput type ulimit "
    "umask unalias uncompress uudecode uuencode wait write yacc zsh "
    # openssh, gnupg, and what fetches or reaches other machines
    "curl dig ftp git gpg gpg2 host ifconfig ip ipconfig iptables nc netstat nslookup openssl ping route rsync "
    "scp sftp ss ssh ssh-add ssh-agent ssh-copy-id ssh-keygen telnet traceroute wget whois "
    # runtimes, compilers and package managers that other tools call by name
    "apk apt apt-get brew c++ cargo clang cpan dnf docker dpkg g++ gcc gem go java javac ld ldd lua node npm npx "
    "pacman perl php pip pip3 python python2 python3 rpm ruby rustc snap yum "
    # macOS, where it has commands of its own
    "defaults diskutil dscl launchctl open pbcopy pbpaste plutil security softwareupdate xcode-select "
)
COMMON_COMMANDS = frozenset(_NAMES.split())
