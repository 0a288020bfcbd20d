# What Perl programs do with memory. The argument says how much; the lines printed depend on nothing else.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);

my $scale = shift @ARGV;

my $state;
sub seed { $state = shift; }
sub below { $state = ($state * 1664525 + 1013904223) & 0xFFFFFFFF; return ($state * $_[0]) >> 32; }

sub say_digest {
    my ($name, @parts) = @_;
    printf "%s %s\n", $name, sha256_hex(join "\0", @parts);
}

sub hashes {
    seed(1);
    my %live;
    for my $i (1 .. $scale * 5000) {
        my $key = 'user:' . below($scale * 1500);
        if ($i % 3 == 2) { delete $live{$key}; }
        else { $live{$key} = { id => $i, name => uc $key, tags => [ $i & 7, $i & 63 ] }; }
    }
    my %groups;
    push @{ $groups{ join ',', @{ $live{$_}{tags} } } }, $_ for keys %live;
    say_digest('hashes', scalar keys %live, map { "$_=" . @{ $groups{$_} } } sort keys %groups);
}

sub arrays {
    seed(2);
    my @window;
    for (1 .. $scale * 250) {
        push @window, [ map { below(1 << 30) } 1 .. below(64) ];
        splice @window, 0, 1000 if @window > 2000;
    }
    my @flat = sort { $a <=> $b } map { @$_ } @window;
    say_digest('arrays', scalar @flat, @flat[ 0 .. 99 ], $flat[-1]);
}

sub strings {
    seed(3);
    my @words = map { join '', map { chr(97 + below(26)) } 1 .. 3 + below(9) } 1 .. 600;
    my @kept;
    for my $i (1 .. $scale * 250) {
        my $line = join ' ', map { $words[ below(600) ] } 1 .. 5 + below(40);
        substr($line, 0, 1) = uc substr($line, 0, 1);
        push @kept, $line . ('.' x below(400));
        splice @kept, 0, 1500 if @kept > 3000;
    }
    my $text = '';
    $text .= "$_\n" for @kept;
    my $reversed = reverse $text;
    say_digest('strings', length $text, $text, substr($reversed, 0, 1000));
}

sub expressions {
    seed(4);
    my %counts;
    for my $i (1 .. $scale * 900) {
        my $line = sprintf 'host%d.example - user%d "%s /a/%d?q=%s" %d', below(50), below(500),
            $i & 1 ? 'GET' : 'PUT', $i, 'x' x below(60), 200 + below(5);
        next unless $line =~ m{^([\w.]+) - (\w+) "(GET|PUT) (/[^ "]*)" (\d{3})$};
        $counts{"$1 $5"} += length $4;
        (my $marked = $line) =~ s/(\d+)/<$1>/g;
        $counts{marked} += length $marked;
        my @fields = split /[ "]+/, $line;
        $counts{fields} += @fields;
    }
    say_digest('expressions', map { "$_=$counts{$_}" } sort keys %counts);
}

sub trees {
    seed(5);
    my $total = 0;
    for (1 .. ($scale >= 10 ? $scale / 10 : 1)) {
        my $root = [ 1 << 31, '', undef, undef ];
        for (1 .. 3000) {
            my $key = below(1 << 32);
            my $at = $root;
            while (1) {
                my $side = $key < $at->[0] ? 2 : 3;
                if (!defined $at->[$side]) { $at->[$side] = [ $key, 'p' x below(900), undef, undef ]; last; }
                $at = $at->[$side];
            }
        }
        my @stack = ($root);
        while (defined(my $at = pop @stack)) {
            $total += length($at->[1]) ^ ($at->[0] & 0xFF);
            push @stack, grep { defined } $at->[2], $at->[3];
        }
    }
    say_digest('trees', $total);
}

hashes();
arrays();
strings();
expressions();
trees();
print "done\n";
