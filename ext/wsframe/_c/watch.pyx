# cython: binding=False
"""Whether anybody has replaced attributes since they were approved.

Classes are not looked through each time: their versions are compared (see type_version.h).
"""

from types import ModuleType

cimport cython
from cpython.dict cimport PyDict_GetItemWithError
from cpython.object cimport PyObject, PyTypeObject
from cpython.ref cimport Py_DECREF
from cpython.type cimport PyType_Check


cdef extern from "type_version.h":
    unsigned int wsf_type_version(PyObject *type)
    PyObject *wsf_type_lookup(PyObject *type, object name)


cdef extern from "Python.h":
    PyTypeObject *Py_TYPE(object)


cdef enum:
    KINDS = 2  # of objects, at most
    CLASSES = 16  # that are fixed, at most
    SLOTS = 8  # versions of classes that are remembered
    MAX_APPROVED = 500  # values that are remembered


cdef class Watch:
    """Tells whether classes and modules still have the attributes that a fast path bypasses.

    Args:
        approve: called with the value of an attribute as in the namespace of its class or module (no
            descriptor is called); returns whether a fast path may bypass it.
        kinds: for each of the objects that `holds` is called with, two at most, names of attributes of its
            class. Names that a class lacks are ignored.
        fixed: owners (classes and modules) and names of their attributes, which are looked at in each call.

    Raises:
        TypeError: an owner is neither a class nor a module.
        ValueError: there are more than two kinds, or more than sixteen fixed classes.
    """

    cdef object approve
    cdef list kinds  # the names for each
    cdef list classes  # the fixed ones, each with its names
    cdef list globals  # of modules: the namespace, a name, the value approved
    cdef dict approved  # values by their address, so that none is taken for another
    cdef unsigned int fixed[CLASSES]  # versions of the fixed classes when they were approved
    cdef unsigned int good[KINDS][SLOTS]  # versions of classes that were approved
    cdef unsigned int bad[KINDS][SLOTS]  # and of those that were not
    cdef int next_good
    cdef int next_bad

    # Not in `__init__`, which may be called again, amid `holds`.
    def __cinit__(self, approve not None, kinds=(), fixed=()):
        # No list comprehension: that of Cython 3.3 frees its element twice when an allocation fails.
        self.approve = approve
        self.kinds = []
        self.classes = []
        self.globals = []
        self.approved = {}
        for attributes in kinds:
            self.kinds.append(names_of(attributes))
        for owner, attributes in fixed:
            names = names_of(attributes)
            if PyType_Check(owner):
                self.classes.append((owner, names))
            elif isinstance(owner, ModuleType) and isinstance(vars(owner), dict):
                for name in names:
                    if name in vars(owner):
                        self.globals.append([vars(owner), name, None])
            else:
                raise TypeError("an owner must be a class or a module")
        if len(self.kinds) > KINDS or len(self.classes) > CLASSES:
            raise ValueError(f"more than {KINDS} kinds or more than {CLASSES} classes")

    def holds(self, first=None, second=None):
        """Tell whether all attributes, of the objects' classes and of the fixed owners, are as approved."""
        cdef unsigned int version
        cdef Py_ssize_t i
        cdef Py_ssize_t kinds = len(self.kinds)
        cdef tuple pair
        cdef list place
        for i in range(len(self.classes)):
            pair = <tuple>self.classes[i]
            version = wsf_type_version(<PyObject *>pair[0])
            if (version == 0 or version != self.fixed[i]) and not self.renew(i, pair):
                return False
        for place in self.globals:
            if PyDict_GetItemWithError(place[0], place[1]) != <PyObject *>place[2]:
                if not self.replace(place):
                    return False
        if kinds and not self.is_good(0, <object>Py_TYPE(first)):
            return False
        return kinds < 2 or self.is_good(1, <object>Py_TYPE(second))

    cdef bint is_good(self, int number, kind) except -1:
        """Tell whether the class of an object is as approved."""
        cdef unsigned int version = wsf_type_version(<PyObject *>kind)
        cdef int i
        if version:
            for i in range(SLOTS):
                if self.good[number][i] == version:
                    return True
            for i in range(SLOTS):
                if self.bad[number][i] == version:
                    return False
        return self.learn(number, kind)

    @cython.critical_section
    cdef bint renew(self, Py_ssize_t i, tuple pair) except -1:
        """Look at a fixed class again."""
        cdef unsigned int version = 0
        if not self.look(pair[0], pair[1], &version):
            return False
        self.fixed[i] = version
        return True

    @cython.critical_section
    cdef bint replace(self, list place) except -1:
        """Look at an attribute of a module again."""
        cdef dict names = <dict>place[0]
        if place[1] not in names:
            return True
        value = names[place[1]]
        if not self.is_approved(value):
            return False
        place[2] = value
        return True

    @cython.critical_section
    cdef bint learn(self, int number, kind) except -1:
        """Look at the class of an object again, and remember what was found."""
        cdef unsigned int version = 0
        if self.kinds is None or number >= len(self.kinds):
            return False  # the garbage collector has cleared it
        if self.look(kind, <tuple>self.kinds[number], &version):
            if version:
                self.good[number][self.next_good] = version
                self.next_good = (self.next_good + 1) % SLOTS
            return True
        if version:
            self.bad[number][self.next_bad] = version
            self.next_bad = (self.next_bad + 1) % SLOTS
        return False

    cdef bint look(self, kind, tuple names, unsigned int *version) except -1:
        """Tell whether a class is as it may be; the version that this is true of, or 0."""
        cdef unsigned int before
        cdef PyObject *found
        cdef bint good = True
        found = wsf_type_lookup(<PyObject *>kind, "__module__")  # a look-up gives a class its version
        if found != NULL:
            Py_DECREF(<object>found)
        before = wsf_type_version(<PyObject *>kind)
        for name in names:
            found = wsf_type_lookup(<PyObject *>kind, name)
            if found == NULL:
                continue
            value = <object>found
            Py_DECREF(value)
            if not self.is_approved(value):
                good = False
                break
        version[0] = before if before == wsf_type_version(<PyObject *>kind) else 0
        return good

    cdef bint is_approved(self, value) except -1:
        cdef PyObject *known = PyDict_GetItemWithError(self.approved, <Py_ssize_t><PyObject *>value)
        if known != NULL:
            return True
        if not self.approve(value):
            return False
        if len(self.approved) >= MAX_APPROVED:
            self.approved.clear()
        self.approved[<Py_ssize_t><PyObject *>value] = value
        return True


cdef tuple names_of(attributes):
    cdef tuple names = tuple(attributes)
    for name in names:
        if not isinstance(name, str):
            raise TypeError("the name of an attribute must be a str")
    return names
