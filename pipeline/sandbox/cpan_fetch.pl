# Downloads a CPAN release and all that installing it wants, and lists it; nothing of a release is run or unpacked.
#
# Usage: cpan_fetch.pl FOLDER MIRROR PATH SHA256 [MODULE ...]
#
# FOLDER becomes a part of a CPAN mirror. PATH is the release's below authors/id; a MODULE is wanted besides what the
# releases' own META files say. Only what comes with Perl is used. On standard output: one JSON object, with the releases
# in `paths`, those that hold C or XS in `compiled`, and the lines of an index of their modules in `index`.
use strict;
use warnings;
use Archive::Tar;
use Archive::Tar::Constant qw(COMPRESS_BZIP COMPRESS_GZIP);
use Config;
use CPAN::Meta;
use CPAN::Meta::Requirements;
use Digest::SHA;
use File::Basename qw(dirname);
use File::Path qw(make_path);
use HTTP::Tiny;
use IO::Uncompress::Gunzip;
use IO::Uncompress::Unzip;
use JSON::PP;
use Module::Metadata;

my ($folder, $mirror, $first, $sha256, @wanted) = @ARGV;
# What the modules that come with Perl may not exceed; a release is rarely larger than some megabytes.
my $largest = 512 * 1024 * 1024;
my $most_releases = 1_000;
my @own = @Config{qw(privlibexp archlibexp)};

sub give_up { print STDERR "$_[0]\n"; exit 1 }

# HTTP::Tiny speaks https only with a library that does not come with Perl.
sub download {
    my ($url, $file) = @_;
    make_path(dirname($file));
    my $part = "$file.$$.part";
    if ($url !~ /^https:/ || HTTP::Tiny->can_ssl) {
        my $answer = HTTP::Tiny->new(timeout => 60, verify_SSL => 1, max_size => $largest)->mirror($url, $part);
        give_up("download: $answer->{status} $answer->{reason} $answer->{content} ($url)") unless $answer->{success};
    }
    else {
        my ($curl) = grep { -x } map { "$_/curl" } split /:/, $ENV{PATH};
        give_up("download: neither IO::Socket::SSL nor curl is on this machine") unless $curl;
        my @limits = ('--proto', '=https', '--proto-redir', '=https', '--max-filesize', $largest);
        system($curl, '-sSfL', @limits, '-o', $part, '--', $url) == 0 or give_up("download: failed ($url)");
    }
    rename $part, $file or give_up("download: $file: $!");
}

sub release_file {
    my ($path) = @_;
    give_up("index: no path of a release") unless $path =~ m{\A[A-Z]/[A-Z][A-Z0-9-]/[A-Z0-9-]+/[\w.+/-]+\z} && $path !~ /\.\./;
    my $file = "$folder/authors/id/$path";
    download("$mirror/authors/id/$path", $file) unless -s $file;
    return $file;
}

# Returns the names of an archive's files, and the text of its META.json or META.yml.
sub look_into {
    my ($file) = @_;
    my (@names, %meta);
    my $note = sub {
        my ($name, $read) = @_;
        push @names, $name;
        $meta{$1} = $read->() if $name =~ m{\A(?:\./)?[^/]+/(META\.(?:json|yml))\z};
    };
    if ($file =~ /\.zip\z/i) {
        my $zip = IO::Uncompress::Unzip->new($file) or return;
        my $status = 1;
        while ($status > 0) {
            $note->($zip->getHeaderInfo->{Name}, sub { local $/; readline $zip });
            $status = $zip->nextStream;
        }
    }
    else {
        my $next = Archive::Tar->iter($file, $file =~ /bz2?\z/i ? COMPRESS_BZIP : COMPRESS_GZIP) or return;
        while (my $member = $next->()) {
            $note->($member->full_path, sub { $member->get_content });
        }
    }
    return (\@names, $meta{'META.json'} // $meta{'META.yml'});
}

sub requirements_of {
    my ($names, $text) = @_;
    my $found = CPAN::Meta::Requirements->new;
    my $meta = eval { CPAN::Meta->load_string($text // '', { lazy_validation => 1 }) };
    if ($meta) {
        $found->add_requirements($meta->effective_prereqs->requirements_for($_, 'requires')) for qw(configure build runtime);
    }
    # Without a word on how it is configured, Build.PL wants the module that it is written for.
    my $says = $meta && $meta->effective_prereqs->requirements_for('configure', 'requires')->required_modules;
    $found->add_minimum('Module::Build' => 0) if !$says && grep { m{\A(?:\./)?[^/]+/Build\.PL\z} } @$names;
    return $found;
}

sub comes_with_perl {
    my ($module, $wanted) = @_;
    my $found = Module::Metadata->new_from_module($module, inc => \@own) or return;
    return $wanted->accepts_module($module, ($found->version // 0) . '');
}

sub read_index {
    my ($file) = @_;
    my $index = IO::Uncompress::Gunzip->new($file) or give_up("index: $file cannot be read");
    my (%path, %lines, $body);
    while (my $line = readline $index) {
        $body ||= $line =~ /\A\s*\z/, next unless $body;
        my ($module, $version, $path) = split ' ', $line;
        next unless defined $path;
        $path{$module} = $path;
        push @{ $lines{$path} }, "$module $version $path";
    }
    return (\%path, \%lines);
}

my $index_file = "$folder/modules/02packages.details.txt.gz";
# An index that was fetched within the hour is new enough: CPAN's own is made once an hour.
download("$mirror/modules/02packages.details.txt.gz", $index_file) unless -s $index_file && -M _ < 1 / 24;
my ($path_of, $lines_of) = read_index($index_file);

my $file = release_file($first);
if ($sha256) {
    my $is = Digest::SHA->new(256)->addfile($file, 'b')->hexdigest;
    unlink $file if $is ne $sha256;
    give_up("checksum mismatch: $first is not what the registry describes") if $is ne $sha256;
}
my @paths = ($first);
my (%seen, @compiled) = ($first => 1);
my $missing = CPAN::Meta::Requirements->new;
$missing->add_minimum($_ => 0) for @wanted;
for (my $at = 0; $at < @paths; $at++) {
    give_up("more than $most_releases releases are wanted") if @paths > $most_releases;
    my ($names, $text) = look_into(release_file($paths[$at]));
    give_up("archive: $paths[$at] cannot be read") unless $names;
    push @compiled, $paths[$at] if grep { m{\.(?:xs|c|cc|cpp)\z} && !m{/(?:corpus|eg|examples|t|testdist|xt)/} } @$names;
    my $wanted = requirements_of($names, $text);
    $wanted->add_requirements($missing) if !$at;
    for my $module (sort $wanted->required_modules) {
        if ($module eq 'perl') {
            my $text = $wanted->requirements_for_module('perl');
            give_up("perl: $paths[$at] wants Perl $text, and $] is here") unless $wanted->accepts_module('perl', $]);
            next;
        }
        next if comes_with_perl($module, $wanted);
        my $path = $path_of->{$module} or give_up("index: no release of $module is known to the mirror");
        push @paths, $path unless $seen{$path}++;
    }
}
my %index = map { $_ => 1 } map { @{ $lines_of->{$_} // [] } } @paths;
print JSON::PP->new->canonical->encode({ paths => \@paths, compiled => \@compiled, index => [sort keys %index] }), "\n";
